// What looks like a bug and is none: the checker must keep quiet.
import { dies, live } from "../scene.ts";
import { start } from "../scripted-process.ts";
import { freeRow } from "../scripted-rows.ts";
import type { Bug } from "./bug.ts";

/** Histories that pass. */
export const harmless: readonly Omit<Bug, "breaks">[] = [
  {
    name: "an enqueue that met a conflict takes back what it had inserted",
    script: ({ run, a }) => {
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t", "u"] });
      const row = freeRow(run.nowMs);
      run.commit(
        { kind: "pending.insert", taskId: "t", row },
        { kind: "pending.delete", taskId: "t", row },
        { kind: "task.delete", taskId: "t" },
      );
      a.say({ kind: "enqueue.answer", call: "c", seen: "fail", created: [] });
    },
  },
  {
    name: "the evidence is written before the row is deleted, in one commit",
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t");
      const token = a.tokenOn("t");
      a.say({ kind: "settle.invoke", taskId: "t", token, decision: "confirm" });
      run.commit(...run.ending("t", "confirmed").toReversed());
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "applied" });
    },
  },
  {
    name: "a task whose first enqueue was not answered has the data of either",
    script: ({ run, a, b }) => {
      a.enqueue(["t"], { ending: "info", data: "first" });
      b.enqueue(["u"], { ending: "vanished", data: "first" });
      run.pass(10);
      b.enqueue(["u"], { data: "second" }).claim(["t", "u"]);
      for (const [taskId, data] of [
        ["t", "first"],
        ["u", "second"],
      ] as const)
        b.begin(taskId, data).finish(taskId).settle(taskId);
    },
  },
  {
    name: "a killed process's task is executed again",
    script: (scene) => {
      const { a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      dies(scene, a);
      b.complete("t");
    },
  },
  {
    name: "a paused process's success comes late, after the task has failed elsewhere",
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.disturb({ kind: "pause", process: "a", boot: 1 });
      live(run, 3_500, b);
      b.beat(a.owner).claim(["t"]);
      const token = b.tokenOn("t");
      b.begin("t").say({ kind: "execution.end", taskId: "t", token, outcome: "failed", permanent: true });
      b.settle("t", "fail");
      run.disturb({ kind: "resume", process: "a", boot: 1 });
      a.finish("t").reborn().settle("t");
    },
  },
  {
    name: "a claim that was not answered is found by the next one",
    script: ({ a, b }) => {
      a.enqueue(["t"]);
      b.claim(["t"], "info");
      b.complete("t");
    },
  },
  {
    name: "a claim that is answered after the next one took its task starts nothing",
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      const early = a.nextClaim();
      a.say({ kind: "claim.invoke", owner: a.owner, claim: early });
      run.commit(run.update("t", { owner: a.owner, claim: early }));
      a.claim(["t"]);
      a.say({ kind: "claim.answer", owner: a.owner, claim: early, seen: "ok", taskIds: ["t"] });
      a.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a claim that is answered when its worker is stopping starts nothing, and the next worker finds its task",
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      const early = a.nextClaim();
      a.say({ kind: "claim.invoke", owner: a.owner, claim: early });
      run.commit(run.update("t", { owner: a.owner, claim: early }));
      a.say({ kind: "worker.stop.begin" });
      a.say({ kind: "claim.answer", owner: a.owner, claim: early, seen: "ok", taskIds: ["t"] });
      a.complete("t");
    },
  },
  {
    name: "a claim that was not answered is given up, and what stands under it is freed",
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      b.claim(["t"], "info", true);
      run.commit(run.update("t", { owner: null, claim: null, dueAtMs: run.nowMs }));
      a.complete("t");
    },
  },
  {
    name: "a settlement that was not answered is repeated",
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t").settle("t", "confirm", "info");
      const token = a.tokenOn("t");
      a.say({ kind: "settle.invoke", taskId: "t", token, decision: "confirm" });
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "applied" });
    },
  },
  {
    name: "an executor outlives its timeout, and succeeds after all",
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t", "timed-out");
      const token = a.tokenOn("t");
      a.settle("t", "retry").held.set("t", token);
      run.pass(300);
      b.claim(["t"]);
      b.begin("t");
      a.finish("t").settle("t");
      b.finish("t").settle("t");
    },
  },
  {
    name: "a task that a person edited by hand",
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      run.disturb({ kind: "operator", operation: "edit", taskId: "t" });
      run.commit(run.update("t", { failedAttempts: 7, dueAtMs: 0 }));
      run.pending.set("t", { ...run.row("t"), lostAttempts: 4 });
    },
  },
  {
    name: "a database that comes back from a backup lacks what was claimed, confirmed and enqueued last",
    script: ({ run, a, b }) => {
      a.enqueue(["t", "u"]);
      const rows = new Map(run.pending);
      b.complete("t");
      a.enqueue(["v"]);
      b.claim(["u"]);
      run.disturb({ kind: "database.restored" });
      run.pending.clear();
      run.settled.clear();
      for (const [taskId, row] of rows) run.pending.set(taskId, row);
      b.complete("t").complete("u");
    },
  },
  {
    name: "a long transaction commits a born claim after the death of its process",
    script: (scene) => {
      const { run, a, b } = scene;
      const claim = a.nextClaim();
      const row = { ...freeRow(run.nowMs), owner: a.owner, claim };
      a.say({ kind: "enqueue.invoke", call: "c", taskIds: ["t"] });
      a.say({ kind: "enqueue.answer", call: "c", seen: "ok", created: ["t"] });
      a.say({ kind: "commit.invoke", calls: ["c"] });
      dies(scene, a);
      run.commit({ kind: "pending.insert", taskId: "t", row });
      b.complete("t");
    },
  },
  {
    name: "a poison task is lost, lost again, executed alone and failed",
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]);
      let holder = a;
      for (let loss = 0; loss < 4; loss += 1) {
        live(run, Math.max(run.row("t").dueAtMs - run.nowMs, 0), holder, b);
        holder.claim(["t"]);
        holder.begin("t");
        dies(scene, holder);
        holder = start(run, `victim-${loss}`);
        if (loss > 0) b.claim(["t"]);
      }
      live(run, Math.max(run.row("t").dueAtMs - run.nowMs, 0), b, holder);
      b.claim(["t"]);
      b.settle("t", "fail");
    },
  },
  {
    name: "the database's clock jumps back",
    script: ({ run, a, b }) => {
      a.enqueue(["t", "u"]).complete("t");
      run.disturb({ kind: "clock.jump", process: "database", byMs: -20_000 });
      run.nowMs -= 20_000;
      run.pass(21_000);
      b.beat().complete("u");
    },
  },
];
