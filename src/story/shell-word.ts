/** Texts of tasks as words of a command that a person copies. */

/** A text as an operand of a command that is to be copied into a shell. */
export function shellWord(text: string): string {
  if (/^[\w:.,@%+=/][\w:.,@%+=/-]*$/.test(text)) return text;
  return `${text.startsWith("-") ? "-- " : ""}'${text.replaceAll("'", "'\\''")}'`;
}
