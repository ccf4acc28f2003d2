// What a planted bug is.
import type { RunSettings } from "../../../checker/history.ts";
import type { Script } from "../scene.ts";

/** A history that must not pass, or one that must. */
export interface Bug {
  readonly name: string;
  /** The guarantees that must be found violated: these and no others. */
  readonly breaks: readonly string[];
  readonly script: Script;
  readonly settings?: Partial<RunSettings>;
}
