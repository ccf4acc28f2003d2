import pg from "pg";
import { startPostgres } from "../support/postgres.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { randomBytes } from "node:crypto";
const server = await startPostgres({ major: 18, settings: { autovacuum: "off", full_page_writes: "off" } });
try {
const pool = new pg.Pool({ connectionString: server.connectionString, max: 8 });
const store = postgresStore({ pool });
await store.migrate();
await pool.query("create extension pg_walinspect");
const data = Buffer.from("x".repeat(178));
const owner = "7000000000000000001";
await store.register({ owner, host: "h", pid: 1, types: "all", slots: 100, leaseMs: 15000 });
const go = async () => { const c = await pool.connect(); await c.query("begin"); const r = await store.insert(c as any, [{ taskId: "019a0000-0000-7000-8000-" + randomBytes(6).toString("hex"), type: "receipt.send", data, codec: "json", referenceId: null, headers: null, delayMs: 0, dueAtMs: null, bornClaimed: true, onDuplicate: "compare" }], { owner, claim: 1 }); await c.query("commit"); c.release(); return r.created[0]!.id; };
const ids = []; for (let i = 0; i < 200; i++) ids.push(await go());
const a = (await pool.query("select pg_current_wal_insert_lsn() l")).rows[0].l;
ids.push(await go());
const b = (await pool.query("select pg_current_wal_insert_lsn() l")).rows[0].l;
console.table((await pool.query("select resource_manager, record_type, record_length, main_data_length, description, block_ref from pg_get_wal_records_info($1,$2)", [a, b])).rows.map((r) => ({ ...r, block_ref: r.block_ref?.slice(0, 60), description: r.description?.slice(0, 60) })));
await store.settle(ids.slice(0,50).map((id) => ({ kind: "confirm" as const, id, token: { owner, claim: 1, generation: 1 }, durationMs: 1 })));
const c = (await pool.query("select pg_current_wal_insert_lsn() l")).rows[0].l;
console.table((await pool.query("select resource_manager, record_type, count(*), sum(record_length) from pg_get_wal_records_info($1,$2) group by 1,2", [b, c])).rows);
for (let i = 0; i < 200; i++) { const cl = await pool.connect(); await store.insert(cl as any, [{ taskId: "w-" + i, type: "receipt.send", data, codec: "json", referenceId: null, headers: null, delayMs: 0, dueAtMs: null, bornClaimed: false, onDuplicate: "compare" }], null); cl.release(); }
const d = (await pool.query("select pg_current_wal_insert_lsn() l")).rows[0].l;
const an = await store.claim({ owner, claim: 5, types: [{ type: "receipt.send", limit: 50 }], limit: 50, maxBytes: 1e9, suspectLimit: 12, alone: false, liveClaims: [1] });
const e = (await pool.query("select pg_current_wal_insert_lsn() l")).rows[0].l;
console.table((await pool.query("select resource_manager, record_type, count(*), sum(record_length) from pg_get_wal_records_info($1,$2) group by 1,2", [d, e])).rows);
await store.close(); await pool.end();
} finally { await server[Symbol.asyncDispose](); }
