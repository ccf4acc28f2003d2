// A memory store behind a wire that tests can cut: calls are noted, held, refused before or after they were carried out.
import { StoreUnavailableError } from "../../src/errors.ts";
import type { MemoryStore } from "../../src/store/memory/index.ts";
import type { VirtualPorts } from "../../src/testing/index.ts";

/** The methods of a store that can be tampered with. */
export type Method = Exclude<
  {
    [Key in keyof MemoryStore]-?: MemoryStore[Key] extends (...call: never[]) => unknown ? Key : never;
  }[keyof MemoryStore],
  "assertTransaction"
>;

/** Stands between the engine and one method. `carryOut` does what was asked, and may be called late, or never. */
export type Fault = (carryOut: () => Promise<unknown>, call: readonly unknown[]) => Promise<unknown>;

/** One call that was made. */
export interface NotedCall {
  readonly method: Method;
  readonly call: readonly unknown[];
  readonly atMs: number;
}

/** The store, and what can be done to it. */
export interface FaultyStore {
  /** What schedulers get. */
  readonly store: MemoryStore;
  /** The same store without the wire, for the test's own eyes and hands. */
  readonly inner: MemoryStore;
  readonly calls: readonly NotedCall[];
  /** Calls of one method, oldest first. */
  callsOf(method: Method): readonly NotedCall[];
  /** Puts a fault on methods, in place of an earlier one. */
  fault(methods: Method | readonly Method[], fault: Fault): void;
  /** Takes faults away: those of the methods, or all. */
  heal(methods?: Method | readonly Method[]): void;
}

/** Every method by which the engine reaches the database. */
export const everyMethod: readonly Method[] = [
  "migrate",
  "warnings",
  "close",
  "begin",
  "insert",
  "resolveDuplicates",
  "readCommitted",
  "claim",
  "claimById",
  "freeEndedClaims",
  "settle",
  "register",
  "beat",
  "removeProcess",
  "prune",
  "recordRollUps",
  "foldRollUps",
];

/** The database is not there. */
export const unavailable: Fault = () =>
  Promise.reject(new StoreUnavailableError("no connection", { outcomeUnknown: false }));

/** The request is carried out, its answer is lost. */
export const answerLost: Fault = async (carryOut) => {
  await carryOut();
  throw new StoreUnavailableError("the connection was lost", { outcomeUnknown: true });
};

/** Never answers, and never carries anything out. */
export const silent: Fault = () => new Promise(() => undefined);

/** The client gives up after a second, the server carries it out later. */
export function carriedOutLate(ports: VirtualPorts, lateMs: number): Fault {
  return (carryOut) =>
    new Promise((_, reject) => {
      ports.timers.after(1_000, () =>
        reject(new StoreUnavailableError("no answer", { outcomeUnknown: true })),
      );
      ports.timers.after(lateMs, () => void carryOut());
    });
}

/** Applies a fault to the first `times` calls only. */
export function first(times: number, fault: Fault): Fault {
  let left = times;
  return (carryOut, call) => {
    left -= 1;
    return left >= 0 ? fault(carryOut, call) : carryOut();
  };
}

/** Wraps a memory store: a wire of its own, which can be cut without harm to those of others. */
export function faultyStore(ports: VirtualPorts, inner: MemoryStore): FaultyStore {
  const calls: NotedCall[] = [];
  const faults = new Map<Method, Fault>();
  const store: Record<string, unknown> = { ...inner };
  for (const [name, value] of Object.entries(inner)) {
    if (typeof value !== "function" || name === "assertTransaction") continue;
    const method = name as Method; // every function but assertTransaction
    const call = value as (...parameters: readonly unknown[]) => unknown;
    store[name] = (...parameters: readonly unknown[]): unknown => {
      calls.push({ method, call: parameters, atMs: ports.clock.monotonicMs() });
      const carryOut = async (): Promise<unknown> => await call(...parameters);
      const fault = faults.get(method);
      return fault === undefined ? call(...parameters) : fault(carryOut, parameters);
    };
  }
  const list = (methods: Method | readonly Method[]): readonly Method[] =>
    typeof methods === "string" ? [methods] : methods;
  return {
    store: store as unknown as MemoryStore, // each function was wrapped, everything else is as it was
    inner,
    calls,
    callsOf: (method) => calls.filter((noted) => noted.method === method),
    fault: (methods, fault) => {
      for (const method of list(methods)) faults.set(method, fault);
    },
    heal: (methods = everyMethod) => {
      for (const method of list(methods)) faults.delete(method);
    },
  };
}
