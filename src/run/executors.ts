/** Which types this process executes, by which code, under which policy and limits. */
import { DuplicateExecutorError, InvalidInputError } from "../errors.ts";
import {
  type BoundExecutor,
  type BreakerOptions,
  bindRawExecutor,
  type ExecutorOptions,
  type TaskExecutor,
} from "../task/executor.ts";
import { checkType } from "../task/identifier.ts";
import { type RetryPolicy, retryPolicy } from "../task/policy.ts";
import { type BreakerSettings, DEFAULT_BREAKER } from "./breaker.ts";

/** An executor with everything that holds for its attempts. */
export interface ResolvedExecutor {
  readonly executor: BoundExecutor;
  readonly policy: RetryPolicy;
  readonly timeoutMs: number;
  /** Most at once of this type; Infinity when neither executor nor default says. */
  readonly concurrency: number;
  /** Most at once of one key; Infinity unless the executor says. */
  readonly concurrencyPerKey: number;
  /** Null unless the executor asks for one. */
  readonly breaker: BreakerSettings | null;
}

/** How a scheduler is told what it executes. */
type ExecutorSource =
  | { readonly executors: readonly BoundExecutor[] }
  | { readonly executor: TaskExecutor; readonly types: readonly string[] | "all" };

/** The executors of one scheduler, by type. A Map, so that a type called `constructor` is unknown and not inherited. */
export class Executors {
  readonly #byType = new Map<string, ResolvedExecutor>();
  /** Executes every type that has no entry; null when there are no others. */
  readonly #raw: TaskExecutor | null;
  readonly #rawLimits: Omit<ResolvedExecutor, "executor">;
  readonly #policy: RetryPolicy;
  readonly #timeoutMs: number;
  /** The types executed here; "all" for a raw scheduler that takes any. */
  readonly types: readonly string[] | "all";

  constructor(source: ExecutorSource, policy: RetryPolicy, timeoutMs: number) {
    this.#policy = policy;
    this.#timeoutMs = timeoutMs;
    this.#rawLimits = this.#limitsOf({ retry: {}, options: {} });
    if ("executors" in source) {
      this.#raw = null;
      for (const executor of source.executors) this.#add(executor);
      this.types = Object.freeze([...this.#byType.keys()]);
      return;
    }
    if (typeof source.executor?.execute !== "function") {
      throw new InvalidInputError("executor", "has no execute function", "pass a TaskExecutor");
    }
    if (source.types === "all") {
      this.#raw = source.executor;
      this.types = "all";
      return;
    }
    if (!Array.isArray(source.types) || source.types.length === 0) {
      throw new InvalidInputError(
        "types",
        "is missing",
        'list the types the executor executes, or say "all"',
      );
    }
    this.#raw = null;
    for (const type of source.types) this.#add(bindRawExecutor(checkType(type), source.executor));
    this.types = Object.freeze([...this.#byType.keys()]);
  }

  /** True when nothing is executed here. */
  get isEmpty(): boolean {
    return this.types !== "all" && this.types.length === 0;
  }

  /** The executor of a type; null when this process does not execute it. */
  of(type: string): ResolvedExecutor | null {
    const known = this.#byType.get(type);
    if (known !== undefined || this.#raw === null) return known ?? null;
    return { ...this.#rawLimits, executor: bindRawExecutor(type, this.#raw) };
  }

  /** Most tasks of a type that run at once in this process; Infinity unless its executor says. */
  concurrencyOf(type: string): number {
    return this.#byType.get(type)?.concurrency ?? Number.POSITIVE_INFINITY;
  }

  /** Most tasks of one key of a type that run at once in this process; Infinity unless its executor says. */
  concurrencyPerKeyOf(type: string): number {
    return this.#byType.get(type)?.concurrencyPerKey ?? Number.POSITIVE_INFINITY;
  }

  /** The circuit breaker its executor asks for; null for none. */
  breakerOf(type: string): BreakerSettings | null {
    return this.#byType.get(type)?.breaker ?? null;
  }

  /**
   * How many of `total` slots a type may take. One without a limit of its own gets four fifths as soon as there is
   * another type, so that one dead dependency cannot take every slot. The types of a raw "all" are not known before a
   * claim is answered: they share one pool.
   */
  shareOf(type: string, total: number): number {
    if (Number.isFinite(this.concurrencyOf(type)) || this.#byType.size <= 1) return total;
    return Math.ceil(total * 0.8);
  }

  #add(executor: BoundExecutor): void {
    if (this.#byType.has(executor.type)) throw new DuplicateExecutorError(executor.type);
    this.#byType.set(executor.type, Object.freeze({ executor, ...this.#limitsOf(executor) }));
  }

  #limitsOf({
    retry,
    options,
  }: Pick<BoundExecutor, "retry" | "options">): Omit<ResolvedExecutor, "executor"> {
    return {
      policy: retryPolicy(this.#policy, retry),
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
      concurrencyPerKey: options.concurrencyPerKey ?? Number.POSITIVE_INFINITY,
      breaker: breakerSettings(options.breaker),
    };
  }
}

function breakerSettings(breaker: ExecutorOptions["breaker"]): BreakerSettings | null {
  if (breaker === undefined) return null;
  const { per, failures, coolDownMs, maxCoolDownMs, probes }: BreakerOptions =
    breaker === true ? {} : breaker;
  const firstMs = coolDownMs ?? DEFAULT_BREAKER.coolDownMs;
  return Object.freeze({
    per: per ?? DEFAULT_BREAKER.per,
    failures: failures ?? DEFAULT_BREAKER.failures,
    coolDownMs: firstMs,
    maxCoolDownMs: maxCoolDownMs ?? Math.max(DEFAULT_BREAKER.maxCoolDownMs, firstMs),
    probes: probes ?? DEFAULT_BREAKER.probes,
  });
}
