// Timers of the real ports beyond what a timer of the runtime can wait; the runtime's own are set forward.
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { realPorts } from "../../src/ports/real-ports.ts";

const dayMs = 24 * 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("V20: a timer longer than the runtime can wait fires when it should, and once", () => {
  for (const delayMs of [2 ** 31 - 1, 2 ** 31, 60 * dayMs]) {
    const fired = vi.fn();
    realPorts.timers.after(delayMs, fired);
    vi.advanceTimersByTime(delayMs - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(60 * dayMs);
    expect(fired).toHaveBeenCalledOnce();
  }
});

test("a long timer can be taken back at any time, and one without end never fires", () => {
  const fired = vi.fn();
  const long = realPorts.timers.after(60 * dayMs, fired);
  const endless = realPorts.timers.after(Number.POSITIVE_INFINITY, fired);
  vi.advanceTimersByTime(59 * dayMs);
  long.cancel();
  vi.advanceTimersByTime(300 * dayMs);
  endless.cancel();
  expect(fired).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
