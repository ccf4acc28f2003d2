/** The database of one run: made ready before, removed after. */
import { join } from "node:path";
import type { DatabaseLocation } from "./payment-book.ts";

/** A database that belongs to this run. */
export interface DemoDatabase {
  readonly location: DatabaseLocation;
  /** For people. */
  readonly description: string;
  /** Removes what the run wrote, and the server if the run started it. */
  remove(): Promise<void>;
}

/** A file in the folder of the run, which whoever made the folder removes. */
export function sqliteDatabase(folder: string): DemoDatabase {
  const file = join(folder, "payments.sqlite");
  return {
    location: { kind: "sqlite", file },
    description: "SQLite, one file",
    remove: () => Promise.resolve(),
  };
}
