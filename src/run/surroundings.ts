/** Runs what begins inside the functions that listeners have asked for. A listener can delay nothing and undo nothing. */
import type { Beginning } from "../telemetry/channels.ts";

type Around = Parameters<Beginning["within"]>[0];

type End<Value> = { readonly value: Value } | { readonly thrown: unknown };

/** What listeners have put around something that begins. */
export class Surroundings implements Beginning {
  readonly #arounds: Around[] = [];

  readonly within = (around: Around): void => {
    this.#arounds.push(around);
  };

  /** True when nobody asked for anything. */
  get isEmpty(): boolean {
    return this.#arounds.length === 0;
  }

  /** Runs it, once, and answers or throws as it does. */
  run<Value>(work: () => Value): Value {
    let end: End<Value> | null = null;
    const once = (): End<Value> => {
      end ??= endOf(work);
      return end;
    };
    const all = this.#arounds.reduceRight<() => void>((inner, around) => () => wrapped(around, inner), once);
    all();
    const told = once();
    if ("thrown" in told) throw told.thrown;
    return told.value;
  }
}

function endOf<Value>(work: () => Value): End<Value> {
  try {
    return { value: work() };
  } catch (thrown) {
    return { thrown };
  }
}

function wrapped(around: Around, inner: () => void): void {
  try {
    around(inner);
  } catch {
    // A listener that throws must not decide about tasks: what it was to call is run without it.
  }
}
