/** What a statement is: text made once from names, and a name under which a connection may prepare it. */

/** A statement of our own connections. */
export interface Statement {
  /** Unique in the store; statements behind a pooler stay unnamed all the same. */
  readonly name: string;
  readonly text: string;
  /**
   * Set where it can wait for a lock that somebody outside holds. Behind a pooler this text, which bounds the wait itself,
   * takes the place of the other, or it runs in a transaction that bounds it.
   */
  readonly unpinned?: { readonly text: string } | "in a transaction";
}

/** The instant of a statement: the database's clock read once, unless a test gives another in milliseconds. */
export const instantOf = (parameter: string): string => `instant as materialized (
    select coalesce(
      cast('epoch' as timestamptz) + cast(${parameter} as double precision) * interval '1 millisecond',
      clock_timestamp()
    ) as at
  )`;

/** A timestamp as milliseconds since 1970, in text: precise, and the same in every session. */
export const inMilliseconds = (expression: string): string =>
  `cast(floor(extract(epoch from ${expression}) * 1000) as text)`;
