/** Texts of tasks as words of a command that a person copies. */

/** What a shell, a terminal, or the backticks around a command would take for something else. */
const odd = /[`\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A text as an operand of a command that is to be copied into a shell. */
export function shellWord(text: string): string {
  return text.startsWith("-") ? `-- ${shellValue(text)}` : shellValue(text);
}

/** A text as the value of an option, behind its equals sign. */
export function shellValue(text: string): string {
  if (/^[\w:.,@%+=/][\w:.,@%+=/-]*$/.test(text)) return text;
  if (text.search(odd) === -1) return `'${text.replaceAll("'", "'\\''")}'`;
  const plain = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `$'${plain.replace(odd, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}'`;
}

/** Words of what to do about one task, with its id where a command in backticks ends with ID. */
export function withId(remedy: string, taskId: string): string {
  return remedy.replaceAll(/\bID`/g, () => `${shellWord(taskId)}\``);
}
