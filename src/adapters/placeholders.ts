/** Statements for libraries whose placeholders are question marks, in the order of their values. */

/** A statement in that form. */
export interface Positional {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** Turns `$1`, `$2` ..., each of which may stand in several places, into question marks; one that stood there is escaped. */
export function positional(text: string, values: readonly (string | null)[]): Positional {
  const ordered: (string | null)[] = [];
  const questions = text.replaceAll("?", "\\?").replaceAll(/\$(\d+)/g, (_, number: string) => {
    ordered.push(values[Number(number) - 1] ?? null);
    return "?";
  });
  return { text: questions, values: ordered };
}
