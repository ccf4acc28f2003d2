// Writes the history of one process: one write for each event, so that a killed process leaves all it has seen.
import { openSync, writeSync } from "node:fs";
import type { ProcessEvent, ProcessEventBody } from "../../checker/history.ts";
import type { ProcessSettings } from "./settings.ts";

/** Appends to the file of the settings. */
export class Recorder {
  readonly #file: number;
  readonly #process: string;
  readonly #boot: number;
  #sequence = 0;

  constructor({ historyFile, process: name, boot }: ProcessSettings) {
    this.#file = openSync(historyFile, "a");
    this.#process = name;
    this.#boot = boot;
  }

  /** Time of this process that no clock jump touches. */
  get monotonicMs(): number {
    return performance.now();
  }

  /** Notes an event. */
  record(event: ProcessEventBody): void {
    this.#sequence += 1;
    const line: ProcessEvent = {
      process: this.#process,
      boot: this.#boot,
      seq: this.#sequence,
      monotonicMs: this.monotonicMs,
      event,
    };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
