// Planted bugs of enqueue: lost, halved, haunted, and meddling with the caller's transaction.
import { digestOf } from "../../../checker/digest.ts";
import { freeRow } from "../scripted-rows.ts";
import type { Bug } from "./bug.ts";

/** G1, G2, G3, G21, G22. */
export const enqueueBugs: readonly Bug[] = [
  {
    name: "a committed task is not there",
    breaks: ["G1", "G2"],
    script: ({ a }) => {
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t"] });
      a.say({ kind: "commit.invoke", calls: ["c"] });
      a.say({ kind: "commit.answer", calls: ["c"], seen: "ok" });
    },
  },
  {
    name: "half of a call is committed, the other half later",
    breaks: ["G1"],
    script: ({ run, a, b }) => {
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t", "u"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t", "u"] });
      a.say({ kind: "commit.invoke", calls: ["c"] });
      run.commit({ kind: "pending.insert", taskId: "t", row: freeRow(run.nowMs) });
      run.commit({ kind: "pending.insert", taskId: "u", row: freeRow(run.nowMs) });
      a.say({ kind: "commit.answer", calls: ["c"], seen: "ok" });
      for (const taskId of ["t", "u"]) b.complete(taskId);
    },
  },
  {
    name: "half of a call with an unknown commit is there",
    breaks: ["G1"],
    script: ({ run, a, b }) => {
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t", "u"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t", "u"] });
      a.say({ kind: "commit.invoke", calls: ["c"] });
      run.commit({ kind: "pending.insert", taskId: "t", row: freeRow(run.nowMs) });
      a.say({ kind: "commit.answer", calls: ["c"], seen: "info" });
      b.complete("t");
    },
  },
  {
    name: "a task of a rolled back savepoint stands",
    breaks: ["G1"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"], { ending: "rollback" });
      run.commit({ kind: "pending.insert", taskId: "t", row: freeRow(run.nowMs) });
      b.complete("t");
    },
  },
  {
    name: "enqueue commits the caller's transaction",
    breaks: ["G22"],
    script: ({ run, a, b }) => {
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t"] });
      run.commit({ kind: "pending.insert", taskId: "t", row: freeRow(run.nowMs) });
      b.complete("t");
    },
  },
  {
    name: "the fast path runs a task whose transaction was rolled back",
    breaks: ["G3"],
    script: ({ a }) => {
      a.enqueue(["t"], { ending: "rollback" });
      a.held.set("t", { owner: a.owner, claim: a.nextClaim(), generation: 1 });
      a.begin("t").finish("t");
    },
  },
  {
    name: "the fast path runs a task before its commit",
    breaks: ["G3"],
    script: ({ run, a }) => {
      const claim = a.nextClaim();
      const row = { ...freeRow(run.nowMs), owner: a.owner, claim };
      a.held.set("t", { owner: a.owner, claim, generation: 1 });
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t"] });
      a.begin("t").finish("t");
      a.say({ kind: "commit.invoke", calls: ["c"] });
      run.commit({ kind: "pending.insert", taskId: "t", row });
      a.say({ kind: "commit.answer", calls: ["c"], seen: "ok" });
      a.settle("t");
    },
  },
  {
    name: "an executor is given the data of another task",
    breaks: ["G21"],
    script: ({ a }) => {
      a.enqueue(["t", "u"]).claim(["t", "u"]);
      a.begin("t", "u").finish("t").settle("t");
      a.begin("u").finish("u").settle("u");
    },
  },
  {
    name: "a second enqueue that finds its task there changes the data of it",
    breaks: ["G21"],
    script: ({ a, b }) => {
      a.enqueue(["t"]);
      b.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t"], digests: [digestOf("other")] });
      b.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: [] });
      b.say({ kind: "commit.invoke", calls: ["c"] });
      b.say({ kind: "commit.answer", calls: ["c"], seen: "ok" });
      b.claim(["t"]);
      b.begin("t", "other").finish("t").settle("t");
    },
  },
  {
    name: "a retried attempt is given other data than the first one",
    breaks: ["G21"],
    script: ({ run, a }) => {
      a.enqueue(["t"], { ending: "info" }).claim(["t"]);
      a.begin("t").finish("t", "failed").settle("t", "retry");
      run.pass(200);
      a.claim(["t"]);
      a.begin("t", "cut").finish("t").settle("t");
    },
  },
  {
    name: "a task is inserted beside itself",
    breaks: ["G1", "G14"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      run.commit({ kind: "pending.insert", taskId: "t", row: { ...freeRow(run.nowMs), generation: 2 } });
      b.complete("t");
    },
  },
];
