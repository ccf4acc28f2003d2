// Planted bugs of operators, retention, shutdown and containment.
import { live } from "../scene.ts";
import { freeRow } from "../scripted-rows.ts";
import type { Bug } from "./bug.ts";

/** G2, G4, G6, G14, G16, G20. */
export const operatingBugs: readonly Bug[] = [
  {
    name: "retention without a look at the state deletes what is pending",
    breaks: ["G2"],
    script: ({ run, a }) => {
      a.enqueue(["t"]);
      const row = run.row("t");
      run.commit({ kind: "pending.delete", taskId: "t", row }, { kind: "task.delete", taskId: "t" });
    },
  },
  {
    name: "retention deletes a failed task",
    breaks: ["G14"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      const token = a.tokenOn("t");
      a.begin("t").say({ kind: "execution.end", taskId: "t", token, outcome: "failed", permanent: true });
      a.settle("t", "fail");
      run.pass(70_000).prune("t");
    },
  },
  {
    name: "retention deletes too early",
    breaks: ["G2"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).complete("t");
      run.pass(30_000).prune("t");
    },
  },
  {
    name: "the evidence of a confirmation is deleted alone",
    breaks: ["G2"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).complete("t");
      run.commit({ kind: "settled.delete", taskId: "t", state: "confirmed", generation: 1 });
    },
  },
  {
    name: "a redrive stays in its generation",
    breaks: ["G14"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      run.cancel("t");
      run.redrive("t", { generation: 1 });
      b.complete("t");
    },
  },
  {
    name: "a redrive comes back under an old claim",
    breaks: ["G6"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      run.cancel("t");
      a.finish("t").settle("t");
      run.redrive("t", { owner: a.owner, claim: a.nextClaim() });
      run.cancel("t");
    },
  },
  {
    name: "a confirmed task is redriven",
    breaks: ["G6"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).complete("t");
      run.redrive("t");
      b.complete("t");
    },
  },
  {
    name: "a failed task comes back by itself",
    breaks: ["G14"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]);
      run.cancel("t");
      run.commit(
        { kind: "settled.delete", taskId: "t", state: "cancelled", generation: 1 },
        { kind: "pending.insert", taskId: "t", row: { ...freeRow(run.nowMs), generation: 2 } },
      );
      b.complete("t");
    },
  },
  {
    name: "a task ends twice",
    breaks: ["G2", "G5", "G6"],
    script: ({ run, a }) => {
      a.enqueue(["t"]).complete("t");
      run.commit({ kind: "settled.insert", taskId: "t", state: "failed", generation: 1 });
    },
  },
  {
    name: "a task is left pending at rest",
    breaks: ["G4"],
    script: ({ a }) => {
      a.enqueue(["t"]);
    },
  },
  {
    name: "a claim after the stop has begun",
    breaks: ["G16"],
    script: ({ run, a, b }) => {
      a.say({ kind: "stop.begin", boundMs: 1_000 });
      a.claim([]);
      run.commit({ kind: "process.delete", owner: a.owner });
      a.say({ kind: "stop.end" });
      b.beat();
    },
  },
  {
    name: "a birth after the stop has begun",
    breaks: ["G16"],
    script: ({ run, a }) => {
      a.say({ kind: "stop.begin", boundMs: 1_000 });
      a.enqueue(["t"], { born: true }).settle("t", "release");
      run.commit({ kind: "process.delete", owner: a.owner });
      a.say({ kind: "stop.end" });
      run.cancel("t");
    },
  },
  {
    name: "a stop closes the pool first: outcomes are not written",
    breaks: ["G16"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t").say({ kind: "stop.begin", boundMs: 1_000 });
      run.commit({ kind: "process.delete", owner: a.owner });
      a.say({ kind: "stop.end" });
      b.complete("t");
    },
  },
  {
    name: "a stop takes longer than it may",
    breaks: ["G16"],
    script: ({ run, a, b }) => {
      a.say({ kind: "stop.begin", boundMs: 1_000 });
      run.pass(1_500).commit({ kind: "process.delete", owner: a.owner });
      a.say({ kind: "stop.end" });
      b.beat();
    },
  },
  {
    name: "a stop never ends",
    breaks: ["G16"],
    script: ({ a, b }) => {
      a.say({ kind: "stop.begin", boundMs: 1_000 });
      b.beat();
    },
  },
  {
    name: "a process ends by itself",
    breaks: ["G20"],
    script: ({ run, a, b }) => {
      live(run, 1_000, a, b);
      live(run, 3_600, b);
      b.beat(a.owner);
      live(run, 1_000, b);
    },
  },
];
