/** What is written to a terminal: without escape sequences of somebody else, and without secrets of ours. */

/** Control characters, and those that turn the direction of text: a task id must not move a cursor. */
const unsafe = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of one line that changes nothing but itself. Ends of lines become spaces. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\r\n\t]+/g, " ")
    .replace(unsafe, "\ufffd");
}

/** Text of several lines, each of them safe. */
export function safeLines(text: string): string[] {
  return text.split(/\r\n|\r|\n/).map((line) => oneLine(line));
}

/** Cut to `width` characters, with an ellipsis where something is missing. */
export function cut(text: string, width: number | null): string {
  if (width === null) return text;
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(width - 1, 0)).join("")}…`;
}

/** Takes the given secrets out of a text, wherever they stand. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
}

/** JSON in one line for machines: escaped so that a terminal may show it, and without secrets. */
export function safeJson(value: unknown, secrets: readonly string[]): string {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "string" ? withoutSecrets(part.toWellFormed(), secrets) : part,
  );
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
