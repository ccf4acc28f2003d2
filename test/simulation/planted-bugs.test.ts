// Bugs planted into the engine itself, each of which a law of waiting finds; without it the same plans are in order.
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { drawPlan } from "../../simulation/draw-plan.ts";
import { judge } from "../../simulation/judge.ts";
import type { Plan } from "../../simulation/plan.ts";
import { play } from "../../simulation/scenario.ts";
import type * as ahead from "../../src/run/ahead.ts";
import type * as completion from "../../src/run/completion.ts";
import type * as solitude from "../../src/run/solitude.ts";

const planted = vi.hoisted(() => ({ bug: "none" }));

vi.mock("../../src/run/ahead.ts", async (original) => {
  const hoards = (): boolean => planted.bug.startsWith("hoards");
  const { Ahead } = await original<typeof ahead>();
  class PlantedAhead extends Ahead {
    constructor(...[ports, most, longestMs, giveBack]: ConstructorParameters<typeof Ahead>) {
      super(ports, most, planted.bug === "hoards, and gives nothing back" ? 1e9 : longestMs, giveBack);
    }

    override get room(): number {
      return hoards() ? 1_000 - this.size : super.room;
    }

    override roomOf(type: string): number {
      return hoards() ? 1_000 : super.roomOf(type);
    }

    override waits(type: string): boolean {
      return planted.bug === "asks only for types that run" || super.waits(type);
    }
  }
  return { Ahead: PlantedAhead };
});

vi.mock("../../src/run/solitude.ts", async (original) => {
  const real = await original<typeof solitude>();
  class PlantedSolitude extends real.Solitude {
    #hasWaited = false;

    override note(aloneDue: boolean): void {
      this.#hasWaited ||= aloneDue;
      super.note(aloneDue || (planted.bug === "stays closed" && this.#hasWaited));
    }

    override mode(worker: Parameters<InstanceType<typeof real.Solitude>["mode"]>[0]) {
      const mode = super.mode(worker);
      return planted.bug === "is closed and looks no more" && mode === "closed" ? "occupied" : mode;
    }
  }
  return { ...real, Solitude: PlantedSolitude };
});

vi.mock("../../src/run/completion.ts", async (original) => {
  const { Completion } = await original<typeof completion>();
  class PlantedCompletion extends Completion {
    override get isTouched(): boolean {
      return !planted.bug.startsWith("confirms") && super.isTouched;
    }

    override complete(transaction: unknown): void | Promise<void> {
      return planted.bug.startsWith("confirms") ? Promise.resolve() : super.complete(transaction);
    }

    override async confirm(own: Parameters<InstanceType<typeof Completion>["confirm"]>[0]): Promise<void> {
      if (!planted.bug.startsWith("confirms")) await super.confirm(own);
    }

    override committing(): void {
      super.committing();
      if (planted.bug.startsWith("takes an unanswered")) this.committed(true);
    }
  }
  type Parts = ConstructorParameters<typeof Completion>;
  return {
    Completion,
    completionsWith: (parts: Parts[0]) => (task: Parts[1]) => new PlantedCompletion(parts, task),
  };
});

const file = new URL("./plans/held-back-for-a-task-that-ran-elsewhere.json", import.meta.url);
const written = JSON.parse(readFileSync(file, "utf8")) as Plan; // a plan file is written by us
const heldBack = { ...written, restLimitMs: 30_000 };

const heldLong = "G11: a claimed task waits for a slot no longer than a poll";
const passedOver = "G11: a claim passes over a type that may run";
const besideRoom = "G11: a due task does not wait beside a worker with room for it";
const exactlyOnce =
  "G15: with transactional completion a confirmed task has its effect exactly once, and every other task never";
const toldBefore = "G18: a hook is called only after its process was told of the commit";
const passedAround = "G11: a due task is not held and given back beside a worker with room for it";

/** Plans of seeds, drawn one by one. */
function* drawn(): Generator<Plan> {
  for (let seed = 1; seed <= 1_000; seed += 1) yield drawPlan(seed);
}

const bugs = [
  { bug: "hoards, and gives nothing back", law: heldLong, plans: drawn() },
  { bug: "hoards, and gives back after a poll", law: passedAround, plans: drawn() },
  { bug: "asks only for types that run", law: passedOver, plans: drawn() },
  { bug: "confirms in a transaction of its own", law: exactlyOnce, plans: drawn() },
  { bug: "takes an unanswered COMMIT for a success", law: toldBefore, plans: drawn() },
  { bug: "stays closed", law: besideRoom, plans: [heldBack] },
  { bug: "is closed and looks no more", law: besideRoom, plans: [heldBack] },
];

test.each(bugs)("caught: a worker that $bug", async ({ bug, law, plans }) => {
  const found = new Set<string>();
  for (const plan of plans) {
    planted.bug = "none";
    expect(judge(await play(plan))).toEqual([]);
    planted.bug = bug;
    for (const violation of judge(await play(plan))) found.add(violation.law);
    if (found.has(law)) break;
  }
  expect([...found]).toContain(law);
});
