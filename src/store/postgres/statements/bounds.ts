/** How long a statement may wait and work where no setting of the session says it: a pooler hands sessions around. */

/** Longest wait for a lock that somebody else holds. */
export const LOCK_WAIT_MS = 1_000;

/** A condition that is always true and bounds the waits of its statement; the setting ends with the transaction. */
export const boundedWait = `(select set_config('lock_timeout', '${LOCK_WAIT_MS}', true)) is not null`;

/** Begins a transaction of the store's own. */
export const BEGIN = "begin isolation level read committed";

/** The same, with bounds that end with it. One text, and so one round trip. */
export const beginBounded = (statementMs: number): string => `${BEGIN};
set local statement_timeout = ${Math.trunc(statementMs)};
set local lock_timeout = ${Math.trunc(Math.min(LOCK_WAIT_MS, statementMs))};
set local idle_in_transaction_session_timeout = ${Math.trunc(statementMs)}`;
