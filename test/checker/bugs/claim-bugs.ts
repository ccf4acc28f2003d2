// Planted bugs of claims: stolen, reused, doubled, unfair, too late.
import { live } from "../scene.ts";
import { freeRow } from "../scripted-rows.ts";
import type { Bug } from "./bug.ts";

/** G6, G7, G8, G11. */
export const claimBugs: readonly Bug[] = [
  {
    name: "no skip locked: a second worker claims what the first has",
    breaks: ["G7", "G8"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      const claim = b.nextClaim();
      run.commit(run.update("t", { owner: b.owner, claim }));
      b.held.set("t", { owner: b.owner, claim, generation: 1 });
      a.begin("t").finish("t");
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a limit in a subselect: one claim takes everything",
    breaks: ["G11"],
    script: ({ a, b }) => {
      const taskIds = Array.from({ length: 50 }, (_, index) => `t${index}`);
      a.enqueue(taskIds);
      b.claim(taskIds);
      for (const taskId of taskIds) b.begin(taskId).finish(taskId).settle(taskId);
    },
  },
  {
    name: "a claim without a new number",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      a.enqueue(["t", "u"]);
      b.claim(["t"]);
      b.settle("t", "release").claim(["u"]);
      b.begin("u").finish("u").settle("u");
      run.commit(run.update("t", { owner: b.owner, claim: 2 }));
      b.held.set("t", { owner: b.owner, claim: 2, generation: 1 });
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a claim is freed as if it had been given up, though it was answered",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      b.claim(["t"]);
      run.commit(run.update("t", { owner: null, claim: null, dueAtMs: run.nowMs }));
      a.complete("t");
    },
  },
  {
    name: "a born claim is freed as if it had been given up, though its insert was answered",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"], { born: true });
      run.commit(run.update("t", { owner: null, claim: null, dueAtMs: run.nowMs }));
      b.complete("t");
    },
  },
  {
    name: "a token by version alone comes back after a restore, and two processes run under it",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.disturb({ kind: "database.restored" });
      b.held.set("t", a.tokenOn("t"));
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a process claims before it is registered",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      b.owner = run.newOwner();
      b.say({ kind: "process.registered", owner: b.owner, leaseMs: 3_000 });
      b.complete("t");
      run.commit({ kind: "process.insert", owner: b.owner });
    },
  },
  {
    name: "a removed process comes back under its id",
    breaks: ["G7"],
    script: ({ run, a, b }) => {
      b.say({ kind: "stop.begin", boundMs: 1_000 });
      run.commit({ kind: "process.delete", owner: b.owner });
      run.commit({ kind: "process.insert", owner: b.owner });
      b.say({ kind: "stop.end" });
      a.beat();
    },
  },
  {
    name: "a heartbeat writes into the rows it holds",
    breaks: ["G7"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      run.commit(run.update("t", { dueAtMs: run.nowMs + 5_000 }));
      a.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "the fast path runs a committed task without a claim",
    breaks: ["G8"],
    script: ({ a, b }) => {
      a.enqueue(["t"]);
      b.held.set("t", { owner: b.owner, claim: b.nextClaim(), generation: 1 });
      b.begin("t").finish("t");
      a.complete("t");
    },
  },
  {
    name: "a process runs one claim twice",
    breaks: ["G8"],
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a process takes its own live claim for an unknown one",
    breaks: ["G8"],
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").claim(["t"]);
      a.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a claim that is answered after the next one took its task starts it all the same",
    breaks: ["G8"],
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      const early = a.nextClaim();
      a.say({ kind: "claim.invoke", owner: a.owner, claim: early });
      run.commit(run.update("t", { owner: a.owner, claim: early }));
      const token = { owner: a.owner, claim: early, generation: 1 };
      a.claim(["t"]);
      a.begin("t");
      a.say({ kind: "claim.answer", owner: a.owner, claim: early, seen: "ok", taskIds: ["t"] });
      a.say({ kind: "execution.start", taskId: "t", token });
      a.finish("t").settle("t");
    },
  },
  {
    name: "a claim that was sent earlier and comes later takes what the newer one has",
    breaks: ["G8"],
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      const early = a.nextClaim();
      a.say({ kind: "claim.invoke", owner: a.owner, claim: early });
      a.claim(["t"]);
      a.begin("t");
      run.commit(run.update("t", { claim: early }));
      a.say({ kind: "claim.answer", owner: a.owner, claim: early, seen: "ok", taskIds: ["t"] });
      a.finish("t").settle("t");
    },
  },
  {
    name: "no look at the lease before a start",
    breaks: ["G6"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      run.disturb({ kind: "pause", process: "a", boot: 1 }).pass(3_100);
      run.disturb({ kind: "resume", process: "a", boot: 1 });
      a.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a process that knows it was declared dead goes on starting",
    breaks: ["G6"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      run.disturb({ kind: "pause", process: "a", boot: 1 });
      live(run, 3_500, b);
      b.beat(a.owner);
      run.disturb({ kind: "resume", process: "a", boot: 1 });
      const token = a.tokenOn("t");
      a.reborn().held.set("t", token);
      a.say({ kind: "heartbeat", owner: token.owner, sentMs: a.monotonicMs, seen: "ok" });
      a.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a confirmed task is claimed once more",
    breaks: ["G6", "G14"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).complete("t");
      run.commit({ kind: "pending.insert", taskId: "t", row: freeRow(run.nowMs) });
      b.complete("t");
    },
  },
  {
    name: "paging by a cursor: younger tasks are claimed for ever, and the old one waits",
    breaks: ["G11"],
    script: ({ run, a, b }) => {
      a.enqueue(["old"]);
      run.pass(10);
      for (let round = 0; round < 30; round += 1) {
        const young = Array.from({ length: 10 }, (_, index) => `y${round}-${index}`);
        a.enqueue(young);
        b.claim(young);
        for (const taskId of young) b.begin(taskId).finish(taskId).settle(taskId);
        run.pass(5);
      }
      b.complete("old");
    },
  },
];
