// Rubbish in every place of every public function: a typed error that names the field, before anything happens.
import { OwedError } from "owed";
import { describe, expect, it } from "vitest";

import { type Place, places, type Rubbish, rubbish, type Things } from "./rubbish-places.ts";
import { type MemoryScheduler, World } from "./world.ts";

/** A scheduler as JavaScript sees it. */
const untyped = (scheduler: MemoryScheduler): Things["scheduler"] =>
  scheduler as unknown as Things["scheduler"];

/** What comes of a call that may throw, reject or succeed. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return { answer: await call() };
  } catch (error) {
    return error;
  }
}

/** Puts the value there; answers what came of it, and which methods of the store were called. */
async function outcomeAt(
  value: unknown,
  [, , put]: Place,
): Promise<{ readonly outcome: unknown; readonly asked: readonly string[] }> {
  const world = new World();
  const scheduler = untyped(world.scheduler());
  const sync = untyped(world.scheduler({ store: { ...world.store, synchronous: true as never } }));
  const things: Things = { scheduler, sync, tx: await world.inner.begin() };
  const outcome = await world.ports.until(outcomeOf(() => put(value, things)));
  return { outcome, asked: world.calls.map(({ method }) => method) };
}

/** Reading a page and opening a transaction of its own change nothing. */
const harmless = ["list", "begin"];

async function expectRefusal(value: unknown, place: Place): Promise<void> {
  const { outcome, asked } = await outcomeAt(value, place);
  expect(outcome).toBeInstanceOf(OwedError);
  const { code, field, remedy, message } = outcome as OwedError & {
    readonly field: string;
    readonly remedy: string;
  };
  const [, expected] = place;
  expect([code, field]).toEqual([
    "OWED_INVALID_INPUT",
    typeof expected === "string" ? expected : expect.stringMatching(expected),
  ]);
  expect(remedy.length).toBeGreaterThan(3);
  expect(message).not.toMatch(/\[object|is :/);
  expect(asked.filter((method) => !harmless.includes(method))).toEqual([]);
}

async function expectTaken(value: unknown, place: Place): Promise<void> {
  const { outcome } = await outcomeAt(value, place);
  const { code } = outcome as { readonly code?: unknown };
  expect([outcome instanceof TypeError, code === "OWED_INVALID_INPUT"]).toEqual([false, false]);
}

describe.each(Object.entries(places))("in %s", (_, rows) => {
  it.each(rows.map((place) => ({ name: place[0], place })))(
    "$name refuses rubbish, and says so",
    async ({ place }) => {
      for (const [name, value] of Object.entries(rubbish)) {
        const check = place[3]?.includes(name as Rubbish) === true ? expectTaken : expectRefusal;
        await check(value, place).catch((error: unknown) => {
          throw new Error(`${name}: ${String(error)}`, { cause: error });
        });
      }
    },
  );
});

it("a call that answers a promise rejects, and does not throw", async () => {
  const scheduler = untyped(new World().scheduler());
  const names = [
    "enqueue",
    "enqueueAll",
    "transaction",
    "executeAndAdvance",
    "get",
    "list",
    "count",
    "cancel",
    "redrive",
    "erase",
    "stop",
  ];
  for (const name of names) {
    const answer = scheduler[name]?.(null);
    expect([name, answer]).toEqual([name, expect.any(Promise)]);
    await expect(answer).rejects.toBeInstanceOf(OwedError);
  }
});

it("tryExecuteNow answers notClaimed for rubbish, and never rejects", async () => {
  const scheduler = untyped(new World().scheduler());
  for (const value of Object.values(rubbish)) {
    const isList = Array.isArray(value);
    expect(await scheduler["tryExecuteNow"]?.(value)).toEqual(isList ? [] : ["notClaimed"]);
    expect(await scheduler["tryExecuteNow"]?.([value])).toEqual(["notClaimed"]);
  }
});
