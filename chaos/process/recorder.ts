// Writes the history of one process: one write for each event, so that a killed process leaves all it has seen.
import { HistoryWriter } from "../../checker/files.ts";
import type { ProcessEventBody } from "../../checker/history.ts";
import type { ProcessSettings } from "./settings.ts";

/** Appends to the file of the settings. */
export class Recorder {
  readonly #writer: HistoryWriter;
  readonly #process: string;
  readonly #boot: number;
  #sequence = 0;

  constructor({ historyFile, process: name, boot }: ProcessSettings) {
    this.#writer = new HistoryWriter(historyFile);
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
    this.#writer.write({
      process: this.#process,
      boot: this.#boot,
      seq: this.#sequence,
      monotonicMs: this.monotonicMs,
      event,
    });
  }
}
