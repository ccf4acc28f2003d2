/** Writes answers: tables and sentences for people, one JSON document a line for machines. */
import { cut, oneLine, safeJson, withoutSecrets } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** How a piece of text may look. */
export type Style = keyof typeof styles;

/** A cell of a table: text, or text in a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** What a table shows. The first column is never cut; what does not fit is cut from the last. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns, by place, that stand to the right. */
  readonly numbers?: readonly number[];
}

/** The longest first column that others may stand beside. */
const WIDEST_KEY = 40;
const GAP = "  ";

/** Writes to a terminal what is safe to write. */
export class Printer {
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  readonly #isColourful: boolean;
  readonly #secrets: string[] = [];
  #place = "";
  /** What was written since a frame began; null outside of frames. */
  #frame: string[] | null = null;

  constructor(terminal: Terminal, options: { readonly json: boolean; readonly colour: boolean }) {
    this.#terminal = terminal;
    this.#isJson = options.json;
    const { NO_COLOR, TERM } = terminal.environment;
    this.#isColourful =
      options.colour && terminal.isInteractive && (NO_COLOR ?? "") === "" && TERM !== "dumb";
  }

  /** True when a machine reads. */
  get isJson(): boolean {
    return this.#isJson;
  }

  /** From now on these are never written, whatever holds them. */
  hide(secrets: readonly string[]): void {
    this.#secrets.push(...secrets);
  }

  /** From now on commands that a person may copy say where the tasks are, as this one did. */
  remember(place: string): void {
    this.#place = place;
  }

  /** A command `owed ...` that a person may copy. */
  command(text: string): string {
    return text.replace(/^owed [a-z]+/, (name) => name + this.#place);
  }

  /** Text in a style, where the terminal has any. */
  styled(text: string, style: Style): string {
    if (!this.#isColourful) return text;
    const [open, close] = styles[style];
    return `\u001b[${open}m${text}\u001b[${close}m`;
  }

  /** A line for people; nothing when a machine reads. Control characters in it are shown as such. */
  line(text = "", style?: Style): void {
    if (this.#isJson) return;
    const safe = this.#safe(text);
    this.#write(`${style === undefined ? safe : this.styled(safe, style)}\n`);
  }

  /** A sentence with a mark before it, broken at the width of the terminal and indented. */
  paragraph(mark: string, text: string, style?: Style): void {
    this.#lines(mark, this.#safe(text).split(" "), style);
  }

  /** Writes as it is, to be copied: a script, SQL. */
  verbatim(text: string): void {
    this.#terminal.write(text);
  }

  /** A document for machines; nothing when people read. */
  json(value: unknown): void {
    if (this.#isJson) this.#terminal.write(`${safeJson(value, this.#secrets)}\n`);
  }

  /** A line beside the output, for people and logs. */
  aside(text: string): void {
    this.#terminal.writeAside(`${this.#safe(text)}\n`);
  }

  /** A document beside the output. */
  jsonAside(value: unknown): void {
    this.#terminal.writeAside(`${safeJson(value, this.#secrets)}\n`);
  }

  /** Overwrites the line beside the output, where that is a terminal. */
  overwrite(text: string): void {
    if (!this.#terminal.showsProgress) return;
    this.#terminal.writeAside(`\r\u001b[K${cut(this.#safe(text), (this.#terminal.columns ?? 80) - 1)}`);
  }

  /** What to do about something. A command in it, which stands in backticks, is never broken, so that it can be copied. */
  remedy(indent: string, text: string): void {
    this.#lines(`${indent}what to do: `, this.#remedyWords(text));
  }

  /** The same, beside the output. */
  asideRemedy(text: string): void {
    this.#terminal.writeAside(`  what to do: ${this.#remedyWords(text).join(" ")}\n`);
  }

  /**
   * Shows what `draw` writes: on a screen in place of what the last frame showed, cut to the height of the screen;
   * elsewhere behind it.
   */
  frame(isFirst: boolean, draw: () => void): void {
    if (this.#isJson || !this.#terminal.isInteractive) {
      draw();
      this.line();
      return;
    }
    this.#frame = [];
    draw();
    const { columns, rows } = this.#terminal;
    const text = fitted(this.#frame.join("").split("\n").slice(0, -1), columns ?? 80, (rows ?? 25) - 1);
    this.#frame = null;
    // Each line is overwritten in place, and the rest of it and of the screen cleared: nothing flickers.
    const start = isFirst ? "\u001b[H\u001b[2J" : "\u001b[H";
    this.#write(`${start}${text.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
  }

  /** A table; see Table. */
  table({ head, rows, numbers = [] }: Table, indent = ""): void {
    if (this.#isJson) return;
    const cells = [head, ...rows].map((row) => row.map((cell) => this.#cell(cell)));
    const widths = head.map((_, column) => {
      const lengths = cells.map((row) => length(row[column]?.text ?? ""));
      return Math.max(...(column === 0 ? lengths.filter((one) => one <= WIDEST_KEY) : lengths), 0);
    });
    cells.forEach((row, index) => this.#row(row, widths, numbers, indent, index === 0));
  }

  #row(
    row: readonly { readonly text: string; readonly style?: Style }[],
    widths: readonly number[],
    numbers: readonly number[],
    indent: string,
    isHead: boolean,
  ): void {
    const [key] = row;
    let start = indent;
    let shown = row;
    if (key !== undefined && length(key.text) > (widths[0] ?? 0)) {
      // Too long to stand beside anything: a line of its own, so that it can be copied whole.
      this.#raw(indent + this.#dressed(key));
      shown = [{ text: "" }, ...row.slice(1)];
    }
    let used = length(indent);
    for (const [column, cell] of shown.entries()) {
      const isLast = column === shown.length - 1;
      const room = this.#terminal.columns === null ? null : Math.max(this.#terminal.columns - used, 8);
      const text = isLast ? cut(cell.text, room) : cell.text;
      const padding = " ".repeat(Math.max((widths[column] ?? 0) - length(text), 0));
      const dressed = this.#dressed(isHead ? { text, style: "dim" } : { ...cell, text });
      start += numbers.includes(column) ? padding + dressed : dressed + (isLast ? "" : padding);
      if (!isLast) start += GAP;
      used += (widths[column] ?? 0) + GAP.length;
    }
    this.#raw(start.trimEnd());
  }

  #cell(cell: Cell): { readonly text: string; readonly style?: Style } {
    return typeof cell === "string"
      ? { text: this.#safe(cell) }
      : { text: this.#safe(cell.text), style: cell.style };
  }

  #dressed({ text, style }: { readonly text: string; readonly style?: Style }): string {
    return style === undefined ? text : this.styled(text, style);
  }

  #safe(text: string): string {
    return oneLine(withoutSecrets(text, this.#secrets));
  }

  #remedyWords(text: string): string[] {
    return this.#safe(text)
      .split(/(`[^`]*`\S*)/)
      .flatMap((part) =>
        part.startsWith("`") ? this.command(part.replaceAll("`", "")) : part.trim().split(" "),
      )
      .filter((word) => word !== "");
  }

  #lines(mark: string, words: readonly string[], style?: Style): void {
    const indent = " ".repeat(mark.length);
    wrapped(words, this.#terminal.columns, mark.length).forEach((part, index) => {
      this.#raw(`${index === 0 ? (style === undefined ? mark : this.styled(mark, style)) : indent}${part}`);
    });
  }

  #raw(text: string): void {
    if (!this.#isJson) this.#write(`${text}\n`);
  }

  #write(text: string): void {
    if (this.#frame === null) this.#terminal.write(text);
    else this.#frame.push(text);
  }
}

function length(text: string): number {
  return Array.from(text).length;
}

/** As many lines as there are rows for, and how many more there would be. */
function fitted(lines: readonly string[], columns: number, rows: number): readonly string[] {
  const heights = lines.map((line) => Math.max(Math.ceil(length(withoutStyles(line)) / columns), 1));
  const linesWithin = (room: number): number => {
    let used = 0;
    const first = heights.findIndex((height) => {
      used += height;
      return used > room;
    });
    return first === -1 ? lines.length : first;
  };
  if (linesWithin(rows) === lines.length) return lines;
  const kept = linesWithin(rows - 1);
  return [...lines.slice(0, kept), `… ${lines.length - kept} more lines: make the window higher`];
}

/** Without what `styled` puts in; nobody else can put an escape into a line. */
function withoutStyles(line: string): string {
  return line
    .split("\u001b[")
    .map((part, index) => (index === 0 ? part : part.slice(part.indexOf("m") + 1)))
    .join("");
}

/** Broken between words at the width that is left; a word that is longer stays whole. */
function wrapped(words: readonly string[], columns: number | null, indent: number): string[] {
  const width = columns === null ? 10_000 : columns - indent;
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && length(line) + 1 + length(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
