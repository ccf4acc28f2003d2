// What the processes of a measurement are told, and what they answer.
import type { Place } from "./port.ts";

/** What a process is asked. */
export type Command =
  | { readonly do: "prepare"; readonly place: Place }
  /** Enqueues by the thousand; answers how long it took, in milliseconds, without opening and closing. */
  | { readonly do: "fill"; readonly place: Place; readonly count: number; readonly piece: number }
  /** Starts to execute; `progress` follows. With `notes`, `starts` can be asked for. */
  | { readonly do: "work"; readonly place: Place; readonly notes?: boolean }
  | { readonly do: "isDone"; readonly place: Place }
  /** Commits as many transactions as it can for a time. */
  | {
      readonly do: "commit";
      readonly place: Place;
      readonly way: string;
      readonly connections: number;
      readonly forMs: number;
    }
  /** Commits so many transactions, one every `everyMs`, one after the other; answers the moments. */
  | {
      readonly do: "pace";
      readonly place: Place;
      readonly way: string;
      readonly count: number;
      readonly everyMs: number;
    }
  /** The same where the process itself executes; answers how long each took from commit to start, in milliseconds. */
  | {
      readonly do: "fastPath";
      readonly place: Place;
      readonly way: string;
      readonly count: number;
      readonly everyMs: number;
    }
  /** Keeps as many tasks waiting as are to be: told how many were executed, it enqueues as many. */
  | { readonly do: "feed"; readonly place: Place; readonly waiting: number }
  | { readonly do: "executed"; readonly count: number }
  /** When each task started, by its number. */
  | { readonly do: "starts" }
  | { readonly do: "usage" };

/** What `commit` answers. */
export interface Committed {
  readonly transactions: number;
  /** With those before and after the time that is measured, for what they cost. */
  readonly counted: number;
  readonly elapsedMs: number;
}

/** Moments of tasks, in nanoseconds as text: [number, moment]. */
export type Moments = readonly (readonly [n: number, atNs: string])[];

/** What a process has used. */
export interface Usage {
  readonly cpuMs: number;
  readonly peakMegabytes: number;
}

/** From the measurement to a process. */
export interface Request {
  readonly id: number;
  readonly command: Command;
}

/** From a process to the measurement. */
export type Message =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string }
  /** Executions so far; moments as text, since JSON has no large integers. */
  | {
      readonly kind: "progress";
      readonly executed: number;
      readonly firstNs: string;
      readonly lastNs: string;
    };
