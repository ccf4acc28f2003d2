// What a system must be able to do to be measured; each in systems/ does it with its own library, as its documentation says.

/** What every task carries: 180 bytes of JSON, give or take its number. */
export interface Payload {
  readonly n: number;
  readonly filler: string;
}

/** Options that are handed to the system's own library as they are. */
export type Options = Readonly<Record<string, unknown>>;

/** Where a system works, and how it is set. Plain data: it is passed to other processes. */
export interface Place {
  /** Of a database in Postgres; empty where there is none. */
  readonly connectionString: string;
  /** Port of Redis; null where there is none. */
  readonly redisPort: number | null;
  /** A SQLite file; empty where there is none. */
  readonly file: string;
  /** By the part of the library that takes them. */
  readonly options: Readonly<Record<string, Options>>;
}

/** Told of each execution; it is over when this returns. */
export type Execute = (payload: Payload) => void;

/** Enqueues by the thousand. */
export interface Filler {
  /** Enqueues tasks numbered from `from` on, in the quickest way the system documents. */
  add(from: number, count: number): Promise<void>;
  close(): Promise<void>;
}

/** Commits transactions that each write one row of the application's own, and enqueue one task (or none). */
export interface Enqueuer {
  /** One whole transaction. Resolves with the moment at which its commit was seen, in the nanoseconds of `nowNs`. */
  commit(n: number): Promise<bigint>;
  close(): Promise<void>;
}

/** Executes in the process that enqueues. */
export interface FastPath {
  /** One whole transaction; resolves when its task has been executed, with both moments. */
  commit(n: number): Promise<{ readonly committedNs: bigint; readonly startedNs: bigint }>;
  close(): Promise<void>;
}

/** A system under measurement. */
export interface Driver {
  /** Creates what must be there before the first process. */
  prepare(place: Place): Promise<void>;
  filler(place: Place): Promise<Filler>;
  /** Starts to execute. */
  work(place: Place, execute: Execute): Promise<void>;
  /** Whether nothing is owed any more: all that was executed is written down too. */
  isDone(place: Place): Promise<boolean>;
  /** By the name of the way. */
  readonly enqueuers: Readonly<Record<string, (place: Place, connections: number) => Promise<Enqueuer>>>;
  readonly fastPaths?: Readonly<Record<string, (place: Place) => Promise<FastPath>>>;
}

/** Names of the systems, as the command line takes them. */
export const systems = [
  "owed",
  "raw",
  "graphile-worker",
  "pg-boss",
  "bullmq",
  "owed-sqlite",
  "raw-sqlite",
  "plainjob",
] as const;

/** Name of a system. */
export type SystemName = (typeof systems)[number];

/** Loads a system's driver, and with it its library. */
export async function driverOf(system: SystemName): Promise<Driver> {
  const module: unknown = await import(`./systems/${system}.ts`);
  return (module as { readonly driver: Driver }).driver; // each file in systems/ exports it
}

const filler = "x".repeat(158);

/** The payload of a task. */
export const payloadOf = (n: number): Payload => ({ n, filler });

/** A moment that means the same in every process of the machine. */
export const nowNs = (): bigint => process.hrtime.bigint();
