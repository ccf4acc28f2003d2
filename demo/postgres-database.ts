/** Postgres for one run: the one of DATABASE_URL, or a server that lives as long as the run. */
import pg from "pg";
import { CannotStart, type DemoDatabase } from "./database.ts";
import { DEMO_SCHEMA } from "./postgres-payment-book.ts";

/** The number under which runs of the demo exclude each other on one database. */
const RUN_LOCK = 0x6f776564;
const CONNECT_TIMEOUT_MS = 5_000;

/** The database of DATABASE_URL, or that of a server which lives as long as the run. */
export async function postgresDatabase(databaseUrl: string | undefined): Promise<DemoDatabase> {
  if (databaseUrl !== undefined && databaseUrl !== "") {
    return await demoSchema(databaseUrl, `Postgres, in the schema ${DEMO_SCHEMA} of DATABASE_URL`, () =>
      Promise.resolve(),
    );
  }
  const { startPostgres } = await import("../test/support/postgres.ts");
  const server = await startPostgres({ major: 18, durable: true }).catch((error: unknown) => {
    throw new CannotStart(`no Postgres could be started, set DATABASE_URL to use your own: ${String(error)}`);
  });
  const description = `Postgres 18, on a server of its own (127.0.0.1:${server.port})`;
  return await demoSchema(server.connectionString, description, () => server[Symbol.asyncDispose]());
}

/** Takes the demo's schema for this run; one session holds it, so that two runs do not drop it under each other. */
async function demoSchema(
  connectionString: string,
  description: string,
  removeServer: () => Promise<void>,
): Promise<DemoDatabase> {
  const client = new pg.Client({
    connectionString,
    application_name: "owed-demo",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on("error", () => undefined);
  const drop = (): Promise<unknown> => client.query(`drop schema if exists ${DEMO_SCHEMA} cascade`);
  const leave = async (): Promise<void> => {
    await client.end().catch(() => undefined);
    await removeServer();
  };
  try {
    await client.connect().catch((error: unknown) => {
      throw new CannotStart(`there is no connection to the database: ${String(error)}`);
    });
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
      RUN_LOCK,
    ]);
    if (rows[0]?.taken !== true) throw new CannotStart("another run of the demo uses this database");
    await drop();
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    description,
    location: () => ({ kind: "postgres", connectionString }),
    async remove() {
      try {
        await drop();
      } finally {
        await leave();
      }
    },
  };
}
