/** The command line of the demo. */
import { parseArgs } from "node:util";

/** What was asked for. */
export type Wish =
  | { readonly kind: "run"; readonly database: "sqlite" | "postgres" }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string };

/** What `--help` answers. */
export const usage = `Usage: npm run demo [-- --postgres]

A payment service commits payments together with the tasks they cause, is killed twice, and loses nothing.
It takes about half a minute and leaves nothing behind.

  --postgres   on Postgres instead of SQLite: on DATABASE_URL if that is set (everything is written to the schema
               owed_demo, which is dropped before and after), else on a server the demo starts and removes itself
  --help       this text

Exit code: 0 when the balance adds up and everything was delivered, 1 when not, 2 for a wrong argument.`;

/** Reads the arguments. */
export function wishOf(argv: readonly string[]): Wish {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { postgres: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help === true) return { kind: "help" };
    return { kind: "run", database: values.postgres === true ? "postgres" : "sqlite" };
  } catch (error) {
    return { kind: "wrong", problem: error instanceof Error ? error.message : String(error) };
  }
}
