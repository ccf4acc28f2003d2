// Planted bugs of time: too early, too late, never; and deaths that are none.
import { live } from "../scene.ts";
import { start } from "../scripted-process.ts";
import type { Bug } from "./bug.ts";

/** G9, G12, G13, G17. */
export const timeBugs: readonly Bug[] = [
  {
    name: "the backoff overflows to nothing",
    breaks: ["G9"],
    script: ({ run, a, b }) => {
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t").finish("t", "failed");
      const token = a.tokenOn("t");
      a.say({ kind: "settle.invoke", taskId: "t", token, decision: "retry" });
      run.commit(run.update("t", { owner: null, claim: null, failedAttempts: 1, dueAtMs: run.nowMs }));
      a.say({ kind: "settle.answer", taskId: "t", token, seen: "ok", verdict: "applied" });
      b.complete("t");
    },
  },
  {
    name: "a task is claimed before it is due",
    breaks: ["G9"],
    script: ({ a, b }) => {
      a.enqueue(["t"], { delayMs: 1_000 });
      b.complete("t");
    },
  },
  {
    name: "a due retry is left lying though a worker is idle",
    breaks: ["G9"],
    script: ({ run, a, b }) => {
      a.enqueue(["t", "u"]).claim(["t"]);
      a.begin("t").finish("t", "failed").settle("t", "retry");
      b.complete("u");
      live(run, 2_000, a, b);
      b.complete("t");
    },
  },
  {
    name: "a lost wake-up leaves a task lying though a worker polls",
    breaks: ["G17"],
    script: ({ run, a, b }) => {
      a.enqueue(["u"]);
      b.complete("u");
      run.pass(100);
      a.enqueue(["t"]);
      live(run, 2_000, a, b);
      b.complete("t");
    },
  },
  {
    name: "a task that was lost once is left lying though a worker is idle",
    breaks: ["G12"],
    script: (scene) => {
      const { run, a, b } = scene;
      const c = start(run, "c");
      a.enqueue(["t"]).claim(["t"]);
      a.kill();
      live(run, 3_500, b, c);
      b.beat(a.owner).claim(["t"]);
      live(run, 10_000, b, c);
      b.enqueue(["u"]);
      c.complete("u");
      run.pass(100);
      b.settle("t", "release");
      live(run, 2_000, b, c);
      c.complete("t");
    },
  },
  {
    name: "a lease by the clock of a process: one that beats is declared dead",
    breaks: ["G12"],
    script: ({ run, a, b }) => {
      live(run, 2_000, a, b);
      a.beat();
      run.pass(500);
      b.beat(a.owner);
      a.reborn();
    },
  },
  {
    name: "a process that runs and does not beat is declared dead",
    breaks: ["G12"],
    script: ({ run, a, b }) => {
      for (let step = 0; step < 14; step += 1) {
        run.pass(250);
        a.claim([]);
        if (step % 4 === 0) b.beat();
      }
      b.beat(a.owner);
      a.reborn();
    },
  },
  {
    name: "an outage counts as silence: the living are declared dead after it",
    breaks: ["G12"],
    script: ({ run, a, b }) => {
      live(run, 1_000, a, b);
      run.disturb({ kind: "database.down" });
      for (let beat = 0; beat < 5; beat += 1) {
        run.pass(800);
        for (const process of [a, b]) {
          const { owner, monotonicMs } = process;
          process.say({ kind: "heartbeat", owner, sentMs: monotonicMs, seen: "fail" });
        }
      }
      run.disturb({ kind: "database.up" });
      b.beat(a.owner);
      a.reborn();
    },
  },
  {
    name: "a killed process is never declared dead",
    breaks: ["G12"],
    script: ({ run, a, b }) => {
      a.kill();
      live(run, 10_000, b, start(run, "c"));
    },
  },
  {
    name: "a process ends because the database was down",
    breaks: ["G13", "G20"],
    script: ({ run, a, b }) => {
      live(run, 1_000, a, b);
      run.disturb({ kind: "database.down" }).pass(500).disturb({ kind: "database.up" });
      live(run, 3_600, b);
      b.beat(a.owner);
      live(run, 10_000, b);
    },
  },
  {
    name: "nothing goes on for a long time after an outage",
    breaks: ["G13"],
    script: ({ run, a, b }) => {
      live(run, 1_000, a, b);
      run.disturb({ kind: "database.down" }).pass(500).disturb({ kind: "database.up" }).pass(6_000);
      live(run, 1_000, a, b);
    },
  },
];
