// A source file with its comments, strings and code told apart, so that a rule never trips over words in the wrong one.

/** A comment or the contents of a string, with where it starts in the file. */
export interface Passage {
  readonly start: number;
  readonly text: string;
}

/** A file as the rules see it. */
export interface ScannedFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** As long as `text`; comments and the contents of strings, templates and regular expressions are blank. */
  readonly code: string;
  readonly comments: readonly Passage[];
  readonly strings: readonly Passage[];
}

const regexAfter =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|delete|throw|await|yield|else|do))$/;

/** Scans the text of a file. It knows TypeScript's tokens, not its grammar. */
export function scan(path: string, text: string): ScannedFile {
  const comments: Passage[] = [];
  const strings: Passage[] = [];
  const code = text.split("");
  const openHoles: number[] = []; // the depth of braces at which each open `${` ends
  let depth = 0;
  let position = 0;

  const blank = (start: number, end: number): string => {
    for (let index = start; index < end; index += 1) if (code[index] !== "\n") code[index] = " ";
    return text.slice(start, end);
  };
  const readTemplate = (start: number): void => {
    const end = endOfTemplate(text, start);
    strings.push({ start, text: blank(start, end) });
    if (text.startsWith("${", end)) {
      openHoles.push(depth);
      position = end + 2;
    } else position = end + 1;
  };

  while (position < text.length) {
    const here = text.charAt(position);
    if (text.startsWith("//", position)) {
      const end = endOr(text.indexOf("\n", position), text);
      comments.push({ start: position, text: blank(position, end) });
      position = end;
    } else if (text.startsWith("/*", position)) {
      const end = endOr(text.indexOf("*/", position), text, 2);
      comments.push({ start: position, text: blank(position, end) });
      position = end;
    } else if (here === '"' || here === "'") {
      const end = endOfString(text, position + 1, here);
      strings.push({ start: position + 1, text: blank(position + 1, end) });
      position = end + 1;
    } else if (here === "`") readTemplate(position + 1);
    else if (here === "}" && openHoles.at(-1) === depth) {
      openHoles.pop();
      readTemplate(position + 1);
    } else if (
      here === "/" &&
      regexAfter.test(
        code
          .slice(Math.max(0, position - 200), position)
          .join("")
          .trimEnd(),
      )
    ) {
      const end = endOfRegex(text, position + 1);
      blank(position + 1, end);
      position = end + 1;
    } else {
      if (here === "{") depth += 1;
      if (here === "}") depth -= 1;
      position += 1;
    }
  }
  return { path, text, code: code.join(""), comments, strings };
}

/** The number of the line a position is in, from 1. */
export function lineOf(file: ScannedFile, position: number): number {
  return file.text.slice(0, position).split("\n").length;
}

function endOr(found: number, text: string, length = 0): number {
  return found === -1 ? text.length : found + length;
}

function endOfString(text: string, start: number, quote: string): number {
  let position = start;
  while (position < text.length && text[position] !== quote && text[position] !== "\n") {
    position += text[position] === "\\" ? 2 : 1;
  }
  return Math.min(position, text.length);
}

function endOfTemplate(text: string, start: number): number {
  let position = start;
  while (position < text.length && text[position] !== "`" && !text.startsWith("${", position)) {
    position += text[position] === "\\" ? 2 : 1;
  }
  return Math.min(position, text.length);
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  let position = start;
  while (position < text.length && text[position] !== "\n" && (inClass || text[position] !== "/")) {
    if (text[position] === "[") inClass = true;
    if (text[position] === "]") inClass = false;
    position += text[position] === "\\" ? 2 : 1;
  }
  return Math.min(position, text.length);
}
