import pg from "/work/main/node_modules/pg/lib/index.js";
import { startPostgres } from "/work/main/test/support/postgres.ts";
import { postgresStore } from "/work/main/src/store/postgres/index.ts";
import { claimNamedTypes } from "/work/main/src/store/postgres/statements/claim.ts";
import { confirmCurrent } from "/work/main/src/store/postgres/statements/settle.ts";
import { namesIn } from "/work/main/src/store/postgres/identifier.ts";
import { typeHash } from "/work/main/src/task/type-hash.ts";
import { uuidLike } from "./zz-uuid.ts";
const server = await startPostgres({ major: Number(process.env.MAJOR ?? 18) as 18, settings: { autovacuum: "off", full_page_writes: "off", shared_buffers: "512MB" } });
try {
const pool = new pg.Pool({ connectionString: server.connectionString, max: 8 });
const store = postgresStore({ pool });
await store.migrate();
await store.migrate();
const lsn = async () => (await pool.query("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as l")).rows[0].l;
const data = Buffer.from("x".repeat(178));
const task = (i: number, born: boolean) => ({ taskId: uuidLike(i), type: "receipt.send", data, codec: "json", referenceId: null, headers: null, delayMs: 0, dueAtMs: null, bornClaimed: born, onDuplicate: "compare" as const });
const owner = "7000000000000000001";
await store.register({ owner, host: "h", pid: 1, types: "all", slots: 100, leaseMs: 15000 });
let n = 0, claimNo = 1;
async function enq(count: number, born: boolean, per = 1) {
  const out: any[] = [];
  const client = await pool.connect();
  for (let i = 0; i < count; i += per) {
    await client.query("begin");
    const tasks = Array.from({ length: per }, () => task(n++, born));
    const a = await store.insert(client as any, tasks, born ? { owner, claim: claimNo } : null);
    out.push(...a.created);
    await client.query("commit");
  }
  client.release();
  return out;
}
const N = 10000;
await enq(500, false); // warm
await pool.query("checkpoint");
for (const born of [true, false]) {
  const l0 = await lsn(); let t0 = performance.now();
  const created = await enq(N, born);
  const l1 = await lsn(); let t1 = performance.now();
  const ids: any[] = born ? created.map((c: any) => ({ id: c.id, token: { owner, claim: claimNo, generation: 1 } })) : [];
  let claimed = 0; let claims = 0; let tc = 0, ts = 0;
  if (!born) {
    for (;;) {
      claimNo += 1;
      const s = performance.now();
      const a = await store.claim({ owner, claim: claimNo, types: [{ type: "receipt.send", limit: 50 }], limit: 50, maxBytes: 1e9, suspectLimit: 12, alone: false, liveClaims: [] });
      tc += performance.now() - s;
      claims++;
      if (a.tasks.length === 0) break;
      const s2 = performance.now();
      const r = await store.settle(a.tasks.map((t) => ({ kind: "confirm" as const, id: t.id, token: t.token, durationMs: 1 })));
      ts += performance.now() - s2;
      if (r.some((x) => x.verdict !== "applied")) throw new Error("not applied");
      claimed += a.tasks.length;
    }
  } else for (let i = 0; i < ids.length; i += 50) {
    const s2 = performance.now();
    await store.settle(ids.slice(i, i + 50).map((t: any) => ({ kind: "confirm" as const, ...t, durationMs: 1 })));
    ts += performance.now() - s2;
  }
  const l2 = await lsn(); let t2 = performance.now();
  const st = (await pool.query("select relname, n_tup_upd, n_tup_hot_upd, n_dead_tup from pg_stat_user_tables where schemaname='owed' and relname in ('pending','task')")).rows;
  console.log({ born, enqueueWal: (l1 - l0) / N, drainWal: (l2 - l1) / N, total: (l2 - l0) / N, enqMs: (t1 - t0) / N, drainMsPerTask: (t2 - t1) / N, claimMs: tc / Math.max(claims,1), settleMs: ts / (N / 50), claimed });
  console.log(st);
}
await pool.query("vacuum analyze owed.pending"); 
// buffers: pinned xmin, 40k done before
const pin = await pool.connect(); await pin.query("begin isolation level repeatable read"); await pin.query("select 1 from owed.pending limit 1");
async function explainClaim(label: string, full = false) {
  const c = await pool.connect();
  await c.query("set enable_seqscan=off; set search_path=pg_catalog; set jit=off; set enable_bitmapscan=off");
  await c.query("begin");
  claimNo += 1;
  const q = claimNamedTypes(namesIn("owed"));
  const r = await c.query({ text: `explain (analyze, buffers, format json) ${q.text}`, values: [owner, String(claimNo), "{}", "50", "1000000000", "12", null, `{${typeHash("receipt.send")}}`, "{50}"] });
  const plan = r.rows[0]["QUERY PLAN"][0];
  const p = plan.Plan;
  console.log(label, "buffers", p["Shared Hit Blocks"] + p["Shared Read Blocks"], "plan ms", plan["Planning Time"], "exec", plan["Execution Time"], "planning buffers", plan.Planning?.["Shared Hit Blocks"]);
  const seen: string[] = [];
  (function walk(x: any, d: number) { if (x["Relation Name"] || x["Subplan Name"]) seen.push(" ".repeat(d) + [x["Subplan Name"], x["Node Type"], x["Relation Name"], x["Index Name"], "rows", x["Actual Rows"], "loops", x["Actual Loops"], "buf", x["Shared Hit Blocks"], "filtered", x["Rows Removed by Filter"]].filter((y) => y !== undefined).join(" ")); for (const y of x.Plans ?? []) walk(y, d + 1); })(p, 0);
  if (full) console.log(seen.join("\n"));
  await c.query("rollback"); c.release();
}
await enq(1000, false, 500);
await explainClaim("pinned, clean", true);
await enq(40000, false, 1000);
for (let k = 0; k < 800; k++) {
  claimNo += 1;
  const a = await store.claim({ owner, claim: claimNo, types: [{ type: "receipt.send", limit: 50 }], limit: 50, maxBytes: 1e9, suspectLimit: 12, alone: false, liveClaims: [] });
  await store.settle(a.tasks.map((t) => ({ kind: "confirm" as const, id: t.id, token: t.token, durationMs: 1 })));
}
await explainClaim("pinned, 40k done");
await pin.query("commit"); pin.release();
await pool.query("vacuum owed.pending");
await explainClaim("after vacuum");
await enq(200000, false, 1000);
await explainClaim("200k pending no analyze");
await pool.query("analyze owed.pending");
await explainClaim("200k pending analyzed", true);
await store.close(); await pool.end();
} finally { await server[Symbol.asyncDispose](); }
