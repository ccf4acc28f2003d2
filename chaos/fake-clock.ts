// A wall clock that can be set, for processes that are started with its environment.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { faketimeLibrary } from "./needs.ts";
import type { Stage } from "./stage.ts";

/** The clock of one process. Only the wall clock: timers and the monotonic clock keep their pace (V25). */
export class FakeClock {
  readonly #file: string;
  readonly #stage: Stage;
  #seconds = 0;

  constructor(stage: Stage, name: string) {
    this.#stage = stage;
    this.#file = join(stage.folder, `clock-${name}`);
    this.#write(0);
  }

  /** Variables of a process that is to live by this clock. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: faketimeLibrary() ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Sets it apart from the clock of the machine. */
  jumpTo(process: string, seconds: number): void {
    const byMs = (seconds - this.#seconds) * 1_000;
    this.#stage.nemesis.note({ kind: "clock.jump", process, byMs });
    this.#write(seconds);
  }

  #write(seconds: number): void {
    this.#seconds = seconds;
    writeFileSync(this.#file, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
  }
}
