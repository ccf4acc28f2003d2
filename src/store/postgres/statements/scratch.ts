/** Statements about schemas that are made to be thrown away. */
import type { Names } from "../identifier.ts";
import type { Statement } from "./statement.ts";

/** $1 the pattern of their names. */
export const scratchSchemas: Statement = {
  name: "owed_scratch_schemas",
  text: `select n.nspname as name
from pg_catalog.pg_namespace n
where n.nspname ~ $1
order by n.nspname`,
};

/** Removes one with all that is in it. */
export const dropSchema = (names: Names): string => `drop schema if exists ${names.schema} cascade`;
