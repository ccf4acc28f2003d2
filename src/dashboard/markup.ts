/** HTML that cannot be written by accident: whatever stands in a template is escaped unless a template made it. */

/** What may stand in a template. Lists are joined; null and false leave nothing. */
export type Fragment = Markup | string | number | null | false | readonly Fragment[];

/** HTML that templates made. */
export class Markup {
  readonly #text: string;

  /** For `html` alone: `text` is taken as it is. */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters but tab and end of line, and those that turn the direction of text: an id must not look like another. */
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** HTML of a template. Between tags what people could not see is shown as U+FFFD; in an attribute every character is kept. */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Markup {
  let isInTag = false;
  let text = "";
  strings.forEach((part, index) => {
    const [opened, closed] = [part.lastIndexOf("<"), part.lastIndexOf(">")];
    if (opened !== closed) isInTag = opened > closed;
    text += part;
    if (index < values.length) text += written(values[index] ?? null, isInTag);
  });
  return new Markup(text);
}

function written(value: Fragment, isInTag: boolean): string {
  if (value === null || value === false) return "";
  if (value instanceof Markup) return value.toString();
  if (typeof value === "object") return value.map((one) => written(one, isInTag)).join("");
  const text = String(value).toWellFormed();
  const visible = isInTag ? text : text.replace(unsafe, keepsLines);
  return visible.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

function keepsLines(character: string): string {
  return character === "\n" || character === "\t" ? character : "\ufffd";
}
