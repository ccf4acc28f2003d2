// Raw SQL, the limit: the same rows in the same tables as owed's, by the leanest statements that keep the same promises
// (deduplication, history, a token at each claim), without a library in between.
import type pg from "pg";
import { migrationSql } from "../built-library.ts";
import { applicationTransaction, poolOf } from "../business.ts";
import { type Driver, type Execute, type Payload, payloadOf } from "../port.ts";
import { taskIds } from "../task-ids.ts";

const BATCH = 500;
const CHUNK = 1_000;
const TYPE = "work";
const TYPE_NUMBER = "4711";
/** Generic plans by index, as owed pins them: the tables fill and empty faster than statistics follow. */
const pinned =
  "-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan -c jit=off";
/** The floor trails by this much, so that a transaction which commits late is not passed over. */
const FLOOR_TRAILS_MS = 2_000;

/** $1 task ids, $2 data. */
const insertMany = {
  name: "raw_insert_many",
  text: `with created as (
    insert into owed.task (created_at, task_id, type, data)
    select clock_timestamp(), g.task_id, '${TYPE}', convert_to(g.data, 'utf8')
    from unnest($1::text[], $2::text[]) as g (task_id, data)
    on conflict (task_id) do nothing
    returning id, created_at
  )
  insert into owed.pending (id, type, next_attempt_at)
  select c.id, ${TYPE_NUMBER}, c.created_at
  from created c`,
};

/** $1 task id, $2 data. */
const insertOne = {
  name: "raw_insert_one",
  text: `with created as (
    insert into owed.task (created_at, task_id, type, data)
    values (clock_timestamp(), $1, '${TYPE}', convert_to($2, 'utf8'))
    on conflict (task_id) do nothing
    returning id, created_at
  )
  insert into owed.pending (id, type, next_attempt_at)
  select c.id, ${TYPE_NUMBER}, c.created_at
  from created c`,
};

/** $1 owner, $2 claim, $3 floor, $4 how many. */
const claim = {
  name: "raw_claim",
  text: `with locked as materialized (
    select p.id, p.next_attempt_at
    from owed.pending p
    where p.type = ${TYPE_NUMBER}
      and p.lost_attempts = 0
      and p.next_attempt_at >= $3
      and p.next_attempt_at <= (select clock_timestamp())
      and p.owner is null
    order by p.next_attempt_at, p.id
    limit $4
    for update skip locked
  ),
  moved as (
    update owed.pending p
    set owner = $1, claim = $2
    where p.id = any (array(select l.id from locked l))
  )
  select l.id, (extract(epoch from l.next_attempt_at) * 1000)::float8 as due_ms, t.data
  from locked l
  cross join lateral (select k.data from owed.task k where k.id = l.id limit 1) t
  order by l.next_attempt_at, l.id`,
};

/** $1 ids, $2 owner, $3 claim. */
const confirm = {
  name: "raw_confirm",
  text: `with ended as (
    delete from owed.pending p
    where p.id = any ($1::bigint[])
      and p.owner = $2
      and p.claim = $3
      and p.generation = 1
    returning p.id
  )
  insert into owed.confirmed (bucket, settled_at, owner, ids)
  select e.id / 1024, clock_timestamp(), $2, array_agg(e.id order by e.id)
  from ended e
  group by e.id / 1024`,
};

interface Claimed {
  readonly id: string;
  readonly due_ms: number;
  readonly data: Buffer;
}

/** Claims on one connection while the batch before is confirmed on the other. */
async function drain(claims: pg.Pool, confirms: pg.Pool, execute: Execute): Promise<void> {
  const owner = String(1 + Math.floor(Math.random() * 1e15));
  let floor = "-infinity";
  let settled: Promise<unknown> = Promise.resolve();
  for (let number = 1; ; number += 1) {
    const { rows } = await claims.query<Claimed>({ ...claim, values: [owner, number, floor, BATCH] });
    for (const { data } of rows) execute(JSON.parse(data.toString()) as Payload); // as it was enqueued
    await settled;
    const last = rows[BATCH - 1];
    floor = last === undefined ? "-infinity" : new Date(last.due_ms - FLOOR_TRAILS_MS).toISOString();
    if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 25));
    else settled = confirms.query({ ...confirm, values: [rows.map(({ id }) => id), owner, number] });
  }
}

/** Its driver. */
export const driver: Driver = {
  async prepare({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    await pool.query(migrationSql());
    await pool.end();
  },
  async filler({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const nextId = taskIds();
    return {
      async add(from, count) {
        const client = await pool.connect();
        await client.query("begin");
        for (let first = from; first < from + count; first += CHUNK) {
          const numbers = Array.from({ length: Math.min(CHUNK, from + count - first) }, (_, i) => first + i);
          const data = numbers.map((n) => JSON.stringify(payloadOf(n)));
          await client.query({ ...insertMany, values: [numbers.map(nextId), data] });
        }
        await client.query("commit");
        client.release();
      },
      close: () => pool.end(),
    };
  },
  async work({ connectionString }, execute) {
    const separator = connectionString.includes("?") ? "&" : "?";
    const options = `options=${encodeURIComponent(pinned)}`;
    // A claim that is lost in a crash of the server is made anew; what is confirmed must stand.
    const claims = `${options}${encodeURIComponent(" -c synchronous_commit=off")}`;
    const pools = [claims, options].map((text) => poolOf(`${connectionString}${separator}${text}`, 1));
    const [claiming, confirming] = pools as [pg.Pool, pg.Pool]; // two of them
    void drain(claiming, confirming, execute).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  },
  async isDone({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const { rows } = await pool.query("select from owed.pending limit 1");
    await pool.end();
    return rows.length === 0;
  },
  enqueuers: {
    "without any": async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections);
      return {
        commit: (n) => applicationTransaction(pool, n, () => Promise.resolve()),
        close: () => pool.end(),
      };
    },
    "one-row insert": async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections);
      const nextId = taskIds();
      return {
        commit: (n) =>
          applicationTransaction(pool, n, (client) =>
            client.query({ ...insertOne, values: [nextId(), JSON.stringify(payloadOf(n))] }),
          ),
        close: () => pool.end(),
      };
    },
  },
};
