// The ordered list against a plain array that is sorted anew.
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { mergedInOrder } from "../../src/store/memory/merged-order.ts";
import { OrderedList } from "../../src/store/memory/ordered-list.ts";

const ascending = (left: number, right: number): number => left - right;

test("an ordered list holds what was added and not removed, in order, from any bound", () => {
  const changes = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 4_000, size: "max" });
  fc.assert(
    fc.property(changes, fc.integer({ min: -1, max: 3_001 }), (numbers, bound) => {
      const list = new OrderedList<number>(ascending);
      const model = new Set<number>();
      for (const number of numbers) {
        if (model.delete(number)) list.remove(number);
        else {
          model.add(number);
          list.add(number);
        }
      }
      const sorted = [...model].sort(ascending);
      expect(list.size).toBe(sorted.length);
      expect(list.first()).toBe(sorted[0]);
      expect([...list.ascending()]).toEqual(sorted);
      expect([...list.descending()]).toEqual(sorted.toReversed());
      expect([...list.after(bound)]).toEqual(sorted.filter((number) => number > bound));
      expect([...list.descending(bound)]).toEqual(sorted.filter((number) => number < bound).toReversed());
    }),
    { numRuns: 60 },
  );
});

test("removing what is not there is an error", () => {
  const list = new OrderedList<number>(ascending);
  list.add(1);
  expect(() => list.remove(2)).toThrow("not in the list");
});

test("merged sources come out in order, and no source is read ahead by more than one", () => {
  const sources = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 20 }), { maxLength: 8 });
  fc.assert(
    fc.property(sources, fc.nat(30), (lists, taken) => {
      let pulled = 0;
      const generators = lists.map(function* (numbers) {
        for (const number of [...numbers].sort(ascending)) {
          pulled += 1;
          yield number;
        }
      });
      const merged: number[] = [];
      for (const number of mergedInOrder(generators, ascending)) {
        if (merged.length === taken) break;
        merged.push(number);
      }
      expect(merged).toEqual(lists.flat().sort(ascending).slice(0, taken));
      expect(pulled).toBeLessThanOrEqual(taken + lists.length);
    }),
  );
});
