/** Schemas that are made to be thrown away: measurements work in one of their own, and touch nobody's tables. */
import { InvalidInputError } from "../../errors.ts";
import { isScratchName, scratchNamePattern } from "../scratch-name.ts";
import { textOf } from "./column.ts";
import { OwnConnections } from "./connections.ts";
import { namesIn } from "./identifier.ts";
import { checkedOptions, type PostgresStoreOptions } from "./options.ts";
import { dropSchema, scratchSchemas } from "./statements/scratch.ts";

/** The names of those that stand. Rejects with StoreUnavailableError. */
export async function listScratchSchemas(options: PostgresStoreOptions): Promise<readonly string[]> {
  return await withConnections(options, async (own) => {
    const rows = await own.rows(scratchSchemas, [scratchNamePattern]);
    return rows.map((row) => textOf(row, "name"));
  });
}

/** Removes the schema of `options` with all that is in it. Throws InvalidInputError unless it was made to be thrown away. */
export async function dropScratchSchema(options: PostgresStoreOptions): Promise<void> {
  const { schema = "" } = options;
  if (!isScratchName(schema)) {
    throw new InvalidInputError("schema", `is "${schema}"`, "only schemas of measurements are thrown away");
  }
  await withConnections(options, (own) =>
    own.transaction((runner) => runner.script(dropSchema(namesIn(schema)))),
  );
}

async function withConnections<Value>(
  options: PostgresStoreOptions,
  work: (own: OwnConnections) => Promise<Value>,
): Promise<Value> {
  const own = new OwnConnections(checkedOptions(options));
  try {
    return await work(own);
  } finally {
    await own.close();
  }
}
