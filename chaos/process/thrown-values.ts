// Everything that an executor can throw and no sensible one should: each must end as a recorded failure.

const megabytes = 1_024 * 1_024;

function cyclic(): Error {
  const outer = new Error("outer");
  const inner = new Error("inner", { cause: outer });
  Object.assign(outer, { cause: inner });
  return outer;
}

function hostile(): object {
  const refuse = (): never => {
    throw new Error("do not touch");
  };
  return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse });
}

function thrower(): Error {
  return Object.defineProperty(new Error("hidden"), "message", {
    get() {
      throw new Error("no message for you");
    },
  });
}

/** The values by name. */
export const thrownValues: Readonly<Record<string, () => unknown>> = Object.freeze({
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol("thrown"),
  bigint: () => 10n,
  text: () => "just text",
  "nul-text": () => new Error("a\0b\ud800c\uffff"),
  proxy: hostile,
  frozen: () => Object.freeze(new Error("frozen")),
  thenable: () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is the fault
    then: () => undefined,
    message: "thenable",
  }),
  "throwing-message": thrower,
  "huge-stack": () => Object.assign(new Error("huge"), { stack: "x".repeat(2 * megabytes) }),
  aggregate: () => new AggregateError([new Error("one"), hostile()], "many"),
  "cause-cycle": cyclic,
  "null-prototype": () => Object.create(null) as object,
});

/** Makes one of the values. */
export function thrownValue(name: string): unknown {
  return thrownValues[name]?.();
}
