// Random bytes of the real ports: drawn in bulk, handed out once.
import { expect, test } from "vitest";
import { realPorts } from "../../src/ports/real-ports.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("no two drawings are alike, also where one drawing from the system ends and the next begins", () => {
  const drawn = Array.from({ length: 20_000 }, (_, index) =>
    realPorts.random.bytes(index % 2 === 0 ? 16 : 8),
  );
  expect(drawn.every(({ length }, index) => length === (index % 2 === 0 ? 16 : 8))).toBe(true);
  expect(new Set(drawn.map((bytes) => hex(bytes.subarray(0, 8)))).size).toBe(20_000);
});

test("what was handed out is the caller's own: later drawings do not touch it", () => {
  const first = realPorts.random.bytes(16);
  const before = hex(first);
  for (let times = 0; times < 1_000; times += 1) realPorts.random.bytes(16).fill(0);
  expect(hex(first)).toBe(before);
  expect(hex(realPorts.random.bytes(16))).not.toBe("0".repeat(32));
});

test("more than is drawn at a time is to be had too", () => {
  const many = realPorts.random.bytes(100_000);
  expect(many.length).toBe(100_000);
  expect(new Set(many).size).toBe(256);
});
