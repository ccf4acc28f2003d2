// What a system under comparison must be able to do; each in systems/ does it with its own library, as its documentation says.
import type pg from "pg";

/** A task as all systems carry it. */
export interface Job {
  readonly task: string;
  /** How long its execution takes. */
  readonly workMs: number;
  /** Its execution kills the process it runs in. */
  readonly isPoison: boolean;
}

/** Options that are handed to the system's own library as they are. */
export type Options = Readonly<Record<string, unknown>>;

/** Where a system works, and how it is set. */
export interface Place {
  readonly connectionString: string;
  /** Port of Redis; null where there is none. */
  readonly redisPort: number | null;
  /** Name of the queue, where a server is shared. */
  readonly queue: string;
  /** By the part of the library that takes them. */
  readonly options: Readonly<Record<string, Options>>;
  /** Executions at once in one worker process. */
  readonly concurrency: number;
}

/** What a system itself says of tasks that are not done. */
export interface Standing {
  /** Waiting, or held by a worker, dead or alive: they are to be executed some time. */
  readonly pending: readonly string[];
  /** Given up, and kept. */
  readonly failed: readonly string[];
}

/** The enqueuing side. */
export interface Enqueuer {
  /** Enqueues on the application's own transaction, where the system can. */
  readonly inTransaction?: (client: pg.PoolClient, job: Job) => Promise<void>;
  /** Enqueues after the commit, where it cannot. */
  readonly afterCommit?: (job: Job) => Promise<void>;
  standing(): Promise<Standing>;
  /** Tells the system that workers are dead, where it can be told. */
  readonly unlock?: (workers: readonly string[]) => Promise<void>;
}

/** A system under comparison. */
export interface Driver {
  /** Creates what must be there before the first process. */
  prepare(place: Place): Promise<void>;
  /** Starts to execute; answers the names by which the system knows its workers. */
  work(place: Place, execute: (job: Job) => Promise<void>): Promise<readonly string[]>;
  enqueuer(place: Place): Promise<Enqueuer>;
}

/** Names of the systems. */
export const systems = ["owed", "graphile-worker", "pg-boss", "bullmq"] as const;

/** Name of a system. */
export type SystemName = (typeof systems)[number];

/** Loads a system's driver, and with it its library. */
export async function driverOf(system: SystemName): Promise<Driver> {
  const module: unknown = await import(`./systems/${system}.ts`);
  return (module as { readonly driver: Driver }).driver; // each file in systems/ exports it
}
