/** Where a measurement works: a schema or a file of its own, that no application can have, and that is removed afterwards. */
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import type { Ports } from "../../ports/ports.ts";
import type { Store } from "../../store/contract.ts";
import type * as Scratch from "../../store/postgres/scratch.ts";
import { isScratchName, scratchName } from "../../store/scratch-name.ts";
import type { Location } from "../location.ts";
import { loadPostgres, openStore, postgresOptions } from "../opened-database.ts";

/** A place for one measurement. */
export interface ScratchPlace {
  /** Its name: of the schema, or of the file. */
  readonly name: string;
  /** What it is, for people. */
  readonly kind: "schema" | "file";
  /** Opens one more store there, as one more process would. */
  openStore(): Promise<Store>;
  /** Removes it. Stores there must be closed. */
  remove(): Promise<void>;
}

/** A place that does not exist yet, in the database or beside the file of `location`. */
export function newScratchPlace(location: Location, ports: Ports): ScratchPlace {
  const name = scratchName(ports.clock.wallMs(), ports.random.bytes(4));
  return placeAt(location, location.kind === "sqlite" ? `${resolve(location.file)}.${name}` : name);
}

/** Places of runs that were killed before they could remove them, or of one that runs at this moment. */
export async function scratchPlaces(location: Location): Promise<readonly ScratchPlace[]> {
  if (location.kind === "postgres") {
    const { listScratchSchemas } = await loadScratch();
    const names = await listScratchSchemas(postgresOptions(location));
    return names.map((name) => placeAt(location, name));
  }
  const file = resolve(location.file);
  const own = `${basename(file)}.`;
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(own) && isScratchName(name.slice(own.length)))
    .map((name) => placeAt(location, join(dirname(file), name)));
}

function placeAt(location: Location, name: string): ScratchPlace {
  if (location.kind === "sqlite") {
    return {
      name,
      kind: "file",
      openStore: () => openStore({ kind: "sqlite", file: name }),
      remove: async () => {
        for (const part of ["", "-wal", "-shm", "-journal"]) rmSync(name + part, { force: true });
      },
    };
  }
  const there = { ...location, schema: name };
  return {
    name,
    kind: "schema",
    openStore: () => openStore(there),
    remove: async () => {
      const { dropScratchSchema } = await loadScratch();
      await dropScratchSchema(postgresOptions(there));
    },
  };
}

async function loadScratch(): Promise<typeof Scratch> {
  await loadPostgres(); // says what to do where the driver is missing
  return await import("../../store/postgres/scratch.ts");
}
