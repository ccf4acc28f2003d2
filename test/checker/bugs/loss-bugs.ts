// Planted bugs of deaths and losses: uncounted, miscounted, unbounded, in bad company.
import { dies, live, type Scene } from "../scene.ts";
import { type ScriptedProcess, start } from "../scripted-process.ts";
import type { Bug } from "./bug.ts";

/** The task is lost alone again and again: each holder is killed while it runs it, and `b` sees to the rest. */
function loseRepeatedly(scene: Scene, times: number, first: ScriptedProcess): void {
  const { run, b } = scene;
  let holder = first;
  for (let loss = 1; loss <= times; loss += 1) {
    live(run, Math.max((run.pending.get("t")?.dueAtMs ?? 0) - run.nowMs, 0), holder, b);
    if (run.row("t").owner !== holder.owner) holder.claim(["t"]);
    holder.begin("t");
    dies(scene, holder);
    if (loss > 1) b.claim(["t"]);
    holder = start(run, "victim");
    if (loss === 1) holder.claim(["t"]);
  }
  live(run, Math.max(run.row("t").dueAtMs - run.nowMs, 0), b);
}

/** G10 and what goes with it. */
export const lossBugs: readonly Bug[] = [
  {
    name: "attempts are counted on return only: a loss is not counted",
    breaks: ["G10"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      dies(scene, a);
      const claim = b.nextClaim();
      run.commit(run.update("t", { owner: b.owner, claim }));
      b.held.set("t", { owner: b.owner, claim, generation: 1 });
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a loss is counted at the death and at the claim",
    breaks: ["G10"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      a.begin("t");
      dies(scene, a);
      run.commit(run.update("t", { owner: null, claim: null, lostAttempts: 1 }));
      const claim = b.nextClaim();
      run.commit(run.update("t", { owner: b.owner, claim, lostAttempts: 2 }));
      b.held.set("t", { owner: b.owner, claim, generation: 1 });
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a task that was lost twice is claimed at once",
    breaks: ["G10"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      dies(scene, a);
      const other = start(run, "c");
      other.claim(["t"]);
      dies(scene, other);
      const claim = b.nextClaim();
      run.commit(run.update("t", { owner: b.owner, claim, lostAttempts: 2 }));
      b.held.set("t", { owner: b.owner, claim, generation: 1 });
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a task that was lost twice is executed in company",
    breaks: ["G10"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t", "u"]);
      loseRepeatedly(scene, 2, a);
      b.claim(["u"]);
      b.claim(["t"]);
      b.begin("u").begin("t").finish("t").finish("u").settle("u").settle("t");
      expectLosses(run.settled.size, 2);
    },
  },
  {
    name: "a task that was lost too often is executed once more",
    breaks: ["G10"],
    script: (scene) => {
      const { a, b } = scene;
      a.enqueue(["t"]);
      loseRepeatedly(scene, 4, a);
      b.claim(["t"]);
      b.begin("t").finish("t").settle("t");
    },
  },
  {
    name: "a task that merely shared its process is failed for it",
    breaks: ["G10"],
    script: (scene) => {
      const { a, b } = scene;
      a.enqueue(["t"]).claim(["t"]);
      dies(scene, a);
      b.claim(["t"]);
      b.settle("t", "fail");
    },
  },
  {
    name: "work of the dead is never found though a worker is idle",
    breaks: ["G4", "G12"],
    script: (scene) => {
      const { run, a, b } = scene;
      a.enqueue(["t", "u", "v"]).claim(["t"]);
      b.complete("u");
      dies(scene, a);
      live(run, 2_000, b);
      b.complete("v");
    },
  },
];

function expectLosses(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`the script is wrong: ${found} tasks have ended`);
}
