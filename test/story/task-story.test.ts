// The story of a task: what happened, and what people did, in the order in which it was recorded.
import { describe, expect, it } from "vitest";
import type { Act } from "../../src/store/contract.ts";
import { actWords, storyOf } from "../../src/story/task-story.ts";
import type { Attempt, TaskWithAttempts } from "../../src/task/task.ts";

const at = (second: number): Date => new Date(1_800_000_000_000 + second * 1_000);

function task(unusual: Partial<TaskWithAttempts> = {}): TaskWithAttempts {
  return {
    taskId: "task",
    type: "mail",
    key: null,
    state: "pending",
    data: null,
    codec: "json",
    referenceId: null,
    headers: null,
    generation: 1,
    failedAttempts: 0,
    lostAttempts: 0,
    deferredAttempts: 0,
    nextAttemptAt: null,
    owner: null,
    createdAt: at(0),
    settledAt: null,
    failureReason: null,
    lastError: null,
    attempts: [],
    ...unusual,
  };
}

function attempt(second: number, generation: number): Attempt {
  const rest = { owner: "1", claim: 1, error: null, accepted: true, durationMs: 1 };
  return { ...rest, outcome: "failed", generation, recordedAt: at(second) };
}

function act(second: number, action: Act["action"], unusual: Partial<Act> = {}): Act {
  const by = { actor: "ann", via: "dashboard", reason: null };
  const about = { taskId: "task", type: "mail", referenceId: null, generation: 1, state: null };
  return { at: at(second), action, outcome: "done", ...by, ...about, ...unusual };
}

/** In short: what, and when. */
function told(...story: Parameters<typeof storyOf>): string[] {
  return storyOf(...story).map((event) => {
    if (event.kind === "attempt") return `attempt of ${event.attempt.generation}`;
    if (event.kind === "redriven") return `redriven ${event.generation} by ${event.act?.actor ?? "somebody"}`;
    if (event.kind === "acted") return `${event.act.action} ${event.act.outcome}`;
    return event.kind === "left out" ? `left out ${event.attempts}` : event.kind;
  });
}

describe("the story of a task", () => {
  it("begins each generation once, and names who began it where that is on record", () => {
    const attempts = [attempt(1, 1), attempt(3, 2), attempt(5, 3)];
    const story = told(task({ attempts, generation: 4 }), [
      act(2, "redrive", { generation: 1 }),
      act(6, "redrive", { generation: 3, actor: "bob" }),
    ]);
    expect(story).toEqual([
      "enqueued",
      "attempt of 1",
      "redriven 2 by ann",
      "attempt of 2",
      "redriven 3 by somebody",
      "attempt of 3",
      "redriven 4 by bob",
    ]);
  });

  it("tells a cancellation once, by whoever did it", () => {
    const cancelled = task({ state: "cancelled", settledAt: at(2) });
    expect(told(cancelled, [act(2, "cancel")])).toEqual(["enqueued", "cancel done"]);
    expect(told(cancelled, [])).toEqual(["enqueued", "ended"]);
    const again = task({ state: "cancelled", settledAt: at(5), generation: 2 });
    const acts = [act(3, "redrive", { generation: 1 }), act(2, "cancel")];
    expect(told(again, acts)).toEqual(["enqueued", "cancel done", "redriven 2 by ann", "ended"]);
  });

  it("tells what was refused, and what changed nothing, and nothing of an older task of the same id", () => {
    const story = told(task({ state: "failed", settledAt: at(4) }), [
      act(3, "reveal"),
      act(2, "redrive", { outcome: "pending" }),
      act(-5, "delete"),
    ]);
    expect(story).toEqual(["enqueued", "redrive pending", "reveal done", "ended"]);
  });

  it("leaves out the oldest attempts beyond a number", () => {
    const attempts = [attempt(1, 1), attempt(2, 1), attempt(3, 1)];
    expect(told(task({ attempts }), [], 2)).toEqual([
      "enqueued",
      "left out 1",
      "attempt of 1",
      "attempt of 1",
    ]);
  });
});

it("an act is told in words", () => {
  expect(actWords(act(1, "erase", { reason: "asked for" }))).toBe(
    "its data erased by ann (dashboard): asked for",
  );
  expect(actWords(act(1, "cancel", { outcome: "confirmed", via: "command" }))).toBe(
    "not cancelled, it was confirmed, or not as it was seen; tried by ann (command)",
  );
  expect(actWords(act(1, "delete", { outcome: "gone" }))).toBe(
    "not deleted, it was gone; tried by ann (dashboard)",
  );
});
