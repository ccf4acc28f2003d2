// Planted bugs of outcomes: dishonest, unfenced, unwritten, told too early.
import { dies, live } from "../scene.ts";
import type { Bug } from "./bug.ts";

/** G4, G5, G7, G13, G15, G18. */
export const outcomeBugs: readonly Bug[] = [
  {
    name: "complete without a token: the failure of a superseded claim counts",
    breaks: ["G7", "G13", "G18"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.disturb({ kind: "pause", process: "a", boot: 1 });
      live(run, 3_500, b);
      b.beat(a.owner).claim(["t"]);
      b.begin("t");
      run.disturb({ kind: "resume", process: "a", boot: 1 });
      const token = a.tokenOn("t");
      a.finish("t", "failed").say({ kind: "settle.invoke", taskId: "t", token, decision: "retry" });
      const { nowMs } = run;
      run.commit(run.update("t", { owner: null, claim: null, failedAttempts: 1, dueAtMs: nowMs + 200 }));
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "applied" }).reborn();
      b.finish("t").settle("t");
    },
  },
  {
    name: "a task is confirmed whose execution failed",
    breaks: ["G5", "G15"],
    script: ({ a }) => {
      a.enqueue(["paid"], { type: "payment" }).claim(["paid"]);
      a.begin("paid").finish("paid", "failed");
      const token = a.tokenOn("paid");
      a.say({ kind: "settle.invoke", taskId: "paid", token, decision: "confirm" });
      a.run.commit(...a.run.ending("paid", "confirmed"));
      a.say({ kind: "settle.answer", taskId: "paid", token, seen: "ok", verdict: "applied" });
    },
  },
  {
    name: "a success of an older generation confirms",
    breaks: ["G5", "G18"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.cancel("t");
      run.redrive("t");
      a.finish("t").say({ kind: "settle.invoke", taskId: "t", token: a.tokenOn("t"), decision: "confirm" });
      run.commit(...run.ending("t", "confirmed"));
      a.say({ kind: "settle.answer", taskId: "t", token: a.tokenOn("t"), seen: "ok", verdict: "late" });
    },
  },
  {
    name: "a failure beats a success that was written",
    breaks: ["G5"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.disturb({ kind: "pause", process: "a", boot: 1 });
      live(run, 3_500, b);
      b.beat(a.owner).claim(["t"]);
      b.begin("t").say({
        kind: "execution.end",
        taskId: "t",
        token: b.tokenOn("t"),
        outcome: "failed",
        permanent: true,
      });
      b.settle("t", "fail");
      run.disturb({ kind: "resume", process: "a", boot: 1 });
      const token = a.tokenOn("t");
      a.finish("t").say({ kind: "settle.invoke", taskId: "t", token, decision: "confirm" });
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "recorded" }).reborn();
    },
  },
  {
    name: "a success is written as a failure",
    breaks: ["G5", "G13"],
    script: ({ a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t").settle("t", "retry");
      a.run.pass(200);
      b.complete("t");
    },
  },
  {
    name: "a task fails before its attempts are used up",
    breaks: ["G4"],
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t", "failed").settle("t", "fail");
    },
  },
  {
    name: "a task fails that nobody executed",
    breaks: ["G4"],
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.settle("t", "fail");
    },
  },
  {
    name: "a confirmed task has had no effect",
    breaks: ["G4"],
    script: ({ a }) => {
      a.enqueue(["t", "u"]).complete("u");
      a.claim(["t"]);
      a.begin("t").say({
        kind: "execution.end",
        taskId: "t",
        token: a.tokenOn("t"),
        outcome: "succeeded",
      });
      a.settle("t");
    },
  },
  {
    name: "a released claim counts as a failure",
    breaks: ["G16"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t", "abandoned").settle("t", "retry");
      run.pass(200);
      b.complete("t");
    },
  },
  {
    name: "an outage counts as a failure",
    breaks: ["G13"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.disturb({ kind: "database.down" }).pass(500).disturb({ kind: "database.up" });
      a.say({ kind: "heartbeat", owner: a.owner, sentMs: a.monotonicMs, seen: "fail" });
      a.settle("t", "retry");
      run.pass(300);
      a.complete("t");
      live(run, 1_000, a);
    },
  },
  {
    name: "an effect in the transaction is applied twice",
    breaks: ["G15"],
    script: ({ a, b }) => {
      a.enqueue(["paid"], { type: "payment" });
      b.complete("paid").say({
        kind: "effect",
        taskId: "paid",
        token: { owner: b.owner, claim: 1, generation: 1 },
      });
    },
  },
  {
    name: "an effect of a failed task is applied",
    breaks: ["G15"],
    script: ({ run, a }) => {
      a.enqueue(["paid"], { type: "payment" }).claim(["paid"]);
      a.begin("paid").say({ kind: "effect", taskId: "paid", token: a.tokenOn("paid") });
      a.finish("paid", "failed").settle("paid", "retry");
      run.cancel("paid");
    },
  },
  {
    name: "a hook is called before the commit, which then fails",
    breaks: ["G18"],
    script: (scene) => {
      const { a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t").say({ kind: "hook.confirmed", taskId: "t" });
      dies(scene, a);
      b.claim(["t"]);
      b.begin("t");
      b.run.cancel("t");
      b.finish("t").settle("t");
    },
  },
  {
    name: "a hook is called before its process was told of the commit",
    breaks: ["G18"],
    script: ({ a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t").say({ kind: "hook.confirmed", taskId: "t" }).settle("t");
    },
  },
  {
    name: "a confirmation is answered that was not written",
    breaks: ["G18"],
    script: (scene) => {
      const { a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t");
      const token = a.tokenOn("t");
      a.say({ kind: "settle.invoke", taskId: "t", token, decision: "confirm" });
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "applied" });
      dies(scene, a);
      b.run.cancel("t");
    },
  },
  {
    name: "all or nothing: one bad outcome keeps another from being written",
    breaks: ["G4", "G18"],
    script: ({ run, a, b }) => {
      a.enqueue(["bad", "good"]);
      a.claim(["bad", "good"]);
      for (const taskId of ["bad", "good"]) a.begin(taskId).finish(taskId);
      live(run, 8_000, a, b);
    },
  },
];
