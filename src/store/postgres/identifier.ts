/** The one place where names become SQL. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../../errors.ts";

const MAX_NAME_BYTES = 48;

/** Quotes one identifier by doubling its quotes. Everything that is not a parameter goes through here. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** As `checkedName`, for the name of a schema. */
export const checkedSchemaName = (schema: unknown): string => checkedName("schema", schema);

/**
 * Accepts a name of 1 to 48 bytes of UTF-8, whatever the characters but NUL and the double quote, which as a rule
 * is a name that somebody has quoted already. Throws InvalidInputError for anything else, among them names Postgres
 * reserves (`pg_...`) and names it would have to change.
 */
export function checkedName(field: string, name: unknown): string {
  const refuse = (problem: string): never => {
    throw new InvalidInputError(
      field,
      problem,
      `give a name of 1 to ${MAX_NAME_BYTES} bytes, for example "owed"`,
    );
  };
  if (typeof name !== "string") return refuse("is no text");
  const bytes = Buffer.byteLength(name, "utf8");
  if (bytes === 0) return refuse("is empty");
  if (bytes > MAX_NAME_BYTES) return refuse(`has ${bytes} bytes`);
  if (name.includes("\0")) return refuse("holds a NUL character");
  if (name.includes('"')) return refuse("holds a double quote: the name is quoted here, pass it as it is");
  if (!name.isWellFormed()) return refuse("holds half a surrogate pair");
  if (name.startsWith("pg_")) return refuse('begins with "pg_", which Postgres keeps for itself');
  if (name === "information_schema") return refuse("belongs to Postgres");
  return name;
}

/** Quotes the body of a function under a tag that does not occur in it, whatever the names in the body. */
export function quoteBody(body: string): string {
  let tag = "$body$";
  for (let count = 1; body.includes(tag); count += 1) tag = `$body${count}$`;
  return `${tag}${body}${tag}`;
}

/** The tables and functions of one schema, qualified and quoted. */
export interface Names {
  readonly schema: string;
  readonly task: string;
  readonly pending: string;
  readonly settled: string;
  readonly confirmed: string;
  readonly attempt: string;
  readonly process: string;
  readonly counter: string;
  readonly schemaVersion: string;
  readonly taskState: string;
  readonly resolveDuplicates: string;
  readonly openTransactions: string;
  readonly confirmWithin: string;
  readonly insertTasks1: string;
  readonly dueOf: string;
  readonly resolveOrRefuse: string;
  readonly insertTask: string;
  readonly insertTasks: string;
  readonly insertKeyedTasks: string;
  readonly setKeys: string;
  readonly enqueue: string;
  readonly canonicalJson: string;
  readonly canonicalNumber: string;
  readonly shortestDouble: string;
  readonly resolveOwnDuplicates: string;
  readonly cancelTask: string;
  readonly redriveTask: string;
  readonly redriveTask1: string;
  readonly eraseTask: string;
  readonly deleteTask: string;
  readonly act: string;
  readonly rollUp: string;
}

/** Names everything in `schema`. */
export function namesIn(schema: string): Names {
  const quoted = quoteIdentifier(checkedSchemaName(schema));
  const inSchema = (name: string): string => `${quoted}.${quoteIdentifier(name)}`;
  return Object.freeze({
    schema: quoted,
    task: inSchema("task"),
    pending: inSchema("pending"),
    settled: inSchema("settled"),
    confirmed: inSchema("confirmed"),
    attempt: inSchema("attempt"),
    process: inSchema("process"),
    counter: inSchema("counter"),
    schemaVersion: inSchema("schema_version"),
    taskState: inSchema("task_state"),
    resolveDuplicates: inSchema("resolve_duplicates_v1"),
    openTransactions: inSchema("open_transactions_v1"),
    confirmWithin: inSchema("confirm_within_v1"),
    insertTasks1: inSchema("insert_tasks_v1"),
    // Without a version: users call it.
    enqueue: inSchema("enqueue"),
    canonicalJson: inSchema("canonical_json_v1"),
    canonicalNumber: inSchema("canonical_number_v1"),
    shortestDouble: inSchema("shortest_double_v1"),
    resolveOwnDuplicates: inSchema("resolve_duplicates_v2"),
    cancelTask: inSchema("cancel_task_v1"),
    redriveTask: inSchema("redrive_task_v2"),
    redriveTask1: inSchema("redrive_task_v1"),
    eraseTask: inSchema("erase_task_v1"),
    deleteTask: inSchema("delete_task_v1"),
    act: inSchema("act"),
    rollUp: inSchema("roll_up"),
    dueOf: inSchema("due_of_v1"),
    resolveOrRefuse: inSchema("resolve_or_refuse_v1"),
    insertTask: inSchema("insert_task_v1"),
    insertTasks: inSchema("insert_tasks_v2"),
    insertKeyedTasks: inSchema("insert_keyed_tasks_v1"),
    setKeys: inSchema("set_keys_v1"),
  });
}

/** The channel of wake-ups for `schema`: at most 53 bytes, of the 63 that Postgres takes. It is quoted where it is SQL. */
export function wakeUpChannel(schema: string): string {
  return `owed ${checkedSchemaName(schema)}`;
}

/** The advisory lock of migrations in `schema`: another schema of the same database has another key. */
export function migrationLockKey(schema: string): string {
  return createHash("sha256").update(`owed:migrate:${schema}`, "utf8").digest().readBigInt64BE(0).toString();
}
