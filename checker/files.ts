// A history on disk: one file of lines per process, one of the nemesis, one of the audit, and the settings.
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { AuditEntry, History, NemesisEvent, ProcessEvent, RunSettings } from "./history.ts";

/** File of the nemesis in a folder of a history. */
export const NEMESIS_FILE = "nemesis.jsonl";
/** File of the audit. */
export const AUDIT_FILE = "audit.jsonl";
/** File of the settings. */
export const SETTINGS_FILE = "settings.json";

/** File of a process; all its lives write to it. */
export function processFile(process: string): string {
  return `history.${process}.jsonl`;
}

/** The history cannot be read, or is no history. */
export class UnusableHistoryError extends Error {
  readonly code = "OWED_UNUSABLE_HISTORY";
  override readonly name = "UnusableHistoryError";
}

/** The type settings as they are written: the delays after failure 1, 2, 3 ... as numbers; the last one repeats. */
export interface StoredTypeSettings {
  readonly maxFailedAttempts: number;
  readonly transactional: boolean;
  readonly smallestDelaysMs: readonly number[];
  /** null stands for no bound. */
  readonly largestDelaysMs: readonly (number | null)[];
}

/** The settings as they are written. */
export interface StoredSettings extends Omit<RunSettings, "types"> {
  readonly types: Readonly<Record<string, StoredTypeSettings>>;
}

/** No more delays than these are written: every backoff has reached its cap by then. */
const MOST_DELAYS = 100;

/**
 * Appends lines to a file, each in one write that has been handed to the kernel when `write` returns: a line that was
 * written survives the death of the process.
 */
export class HistoryWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a+");
    if (endsWithinLine(this.#file)) writeSync(this.#file, "\n"); // an earlier life died while it wrote
  }

  /** Appends one event. */
  write(event: ProcessEvent | NemesisEvent | AuditEntry): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#file);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function endsWithinLine(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

/** Writes the settings of a run into its folder. */
export function writeSettings(folder: string, settings: RunSettings): void {
  const types = Object.entries(settings.types).map(([type, policy]): [string, StoredTypeSettings] => {
    const { maxFailedAttempts, transactional, smallestDelayMs, largestDelayMs } = policy;
    const failures = Array.from(
      { length: Math.min(Math.max(maxFailedAttempts, 1), MOST_DELAYS) },
      (_, k) => k + 1,
    );
    const smallestDelaysMs = failures.map((k) => smallestDelayMs(k));
    const largestDelaysMs = failures.map((k) =>
      Number.isFinite(largestDelayMs(k)) ? largestDelayMs(k) : null,
    );
    return [type, { maxFailedAttempts, transactional, smallestDelaysMs, largestDelaysMs }];
  });
  const stored: StoredSettings = { ...settings, types: Object.fromEntries(types) };
  writeFileSync(join(folder, SETTINGS_FILE), `${JSON.stringify(stored, null, 2)}\n`);
}

/** Reads the settings of a run. Throws UnusableHistoryError. */
export function readSettings(folder: string): RunSettings {
  const path = join(folder, SETTINGS_FILE);
  const stored = parsed(textOf(path), path) as StoredSettings; // checked below as far as the checker needs it
  const numbers = [stored.leaseMs, stored.heartbeatMs, stored.pollIntervalMs, stored.maxLostAlone];
  if (!numbers.every((value) => typeof value === "number") || typeof stored.types !== "object") {
    throw new UnusableHistoryError(`${path} does not hold the settings of a run`);
  }
  const types = Object.entries(stored.types).map(([type, policy]) => {
    const { maxFailedAttempts, transactional, smallestDelaysMs, largestDelaysMs } = policy;
    const smallestDelayMs = (k: number): number => at(smallestDelaysMs, k) ?? 0;
    const largestDelayMs = (k: number): number => at(largestDelaysMs, k) ?? Number.POSITIVE_INFINITY;
    return [type, { maxFailedAttempts, transactional, smallestDelayMs, largestDelayMs }] as const;
  });
  return { ...stored, types: Object.fromEntries(types) };
}

function at<Value>(values: readonly Value[], failure: number): Value | undefined {
  return values[Math.min(Math.max(failure, 1), values.length) - 1];
}

/** Reads a whole history. Throws UnusableHistoryError. */
export function readHistory(folder: string): History {
  const names = namesIn(folder);
  const ofProcesses = names.filter((name) => name.startsWith("history.") && name.endsWith(".jsonl")).sort();
  if (ofProcesses.length === 0) throw new UnusableHistoryError(`${folder} holds no history of a process`);
  const processes: ProcessEvent[] = [];
  for (const name of ofProcesses) readLines(join(folder, name), isProcessEvent, processes);
  const nemesis: NemesisEvent[] = [];
  if (names.includes(NEMESIS_FILE)) readLines(join(folder, NEMESIS_FILE), isNemesisEvent, nemesis);
  const audit: AuditEntry[] = [];
  readLines(join(folder, AUDIT_FILE), isAuditEntry, audit);
  return { settings: readSettings(folder), processes, nemesis, audit };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new UnusableHistoryError(`${folder} cannot be read`, { cause });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UnusableHistoryError(`${path} cannot be read`, { cause });
  }
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UnusableHistoryError(`${where} is no JSON`, { cause });
  }
}

type Recognise<Event> = (value: unknown) => value is Event;

function has(value: unknown, numbers: readonly string[], part: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Readonly<Record<string, unknown>>;
  const inner = record[part];
  const isNamed = typeof inner === "object" && inner !== null && "kind" in inner;
  return isNamed && numbers.every((name) => typeof record[name] === "number");
}

const isProcessEvent: Recognise<ProcessEvent> = (value): value is ProcessEvent =>
  has(value, ["boot", "seq", "monotonicMs"], "event");
const isNemesisEvent: Recognise<NemesisEvent> = (value): value is NemesisEvent =>
  has(value, ["atMs"], "action");
const isAuditEntry: Recognise<AuditEntry> = (value): value is AuditEntry =>
  has(value, ["seq", "atMs"], "change");

/**
 * Reads lines of a file of any size. A broken line is what a process wrote when it died: it is allowed at the end, and
 * before the first line of the next life.
 */
function readLines<Event>(path: string, recognise: Recognise<Event>, events: Event[]): void {
  let broken: { readonly line: number; readonly boot: number } | null = null;
  let boot = Number.NEGATIVE_INFINITY;
  let number = 0;
  for (const line of linesOf(path)) {
    number += 1;
    if (line === "") continue;
    const value = attempted(line);
    if (value === undefined) {
      if (broken !== null) throw new UnusableHistoryError(`${path}:${number} is no JSON`);
      broken = { line: number, boot };
      continue;
    }
    if (!recognise(value)) throw new UnusableHistoryError(`${path}:${number} is no event`);
    boot = (value as { readonly boot?: number }).boot ?? boot;
    if (broken !== null && boot <= broken.boot) {
      throw new UnusableHistoryError(`${path}:${broken.line} is no JSON, in the middle of a life`);
    }
    broken = null;
    events.push(value);
  }
}

function attempted(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

/** Lines of a file, read piece by piece: a long run does not fit into one string. */
function* linesOf(path: string): Generator<string, void> {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw new UnusableHistoryError(`${path} cannot be read`, { cause });
  }
  try {
    const decoder = new StringDecoder("utf8");
    const piece = Buffer.alloc(4 * 1_024 * 1_024);
    let rest = "";
    for (let size = readSync(file, piece); size > 0; size = readSync(file, piece)) {
      const lines = (rest + decoder.write(piece.subarray(0, size))).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(file);
  }
}
