/** The database of one run: made ready before, removed after. */
import { join } from "node:path";
import type { DatabaseLocation } from "./payment-book.ts";

/** A database that belongs to this run. */
export interface DemoDatabase {
  /** For people. */
  readonly description: string;
  /** Where it is; one that is a file lies in the folder of the run. */
  location(folder: string): DatabaseLocation;
  /** Removes what the run wrote, and the server if the run started it. */
  remove(): Promise<void>;
}

/** Thrown when the demo cannot be run for a reason that lies outside of it; the message says all. */
export class CannotStart extends Error {}

/** A file that goes with the folder of the run. */
export function sqliteDatabase(): DemoDatabase {
  return {
    description: "SQLite (--postgres for Postgres)",
    location: (folder) => ({ kind: "sqlite", file: join(folder, "payments.sqlite") }),
    remove: () => Promise.resolve(),
  };
}
