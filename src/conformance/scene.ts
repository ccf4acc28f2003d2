/** The words in which the laws are written: tasks, processes, claims and settlements with everything unsaid filled in. */
import assert from "node:assert/strict";

import type {
  BirthClaim,
  ClaimAnswer,
  ClaimRequest,
  ConfirmSettlement,
  FailSettlement,
  NewTask,
  ProcessRecord,
  ReleaseSettlement,
  RetrySettlement,
  SettleAnswer,
  Settlement,
  StoreCall,
} from "../store/contract.ts";
import type { ClaimedTask, RecordedError, TaskWithAttempts, Token } from "../task/task.ts";
import type { ConformanceHarness, Law } from "./harness.ts";

/** The instant at which every law begins: far from the real now, so that a store that reads its own clock is found out. */
export const START_MS = 2_000_000_000_000;

/** The type of tasks whose law does not care. */
export const TYPE = "conformance.task";

/** The call option for an instant `offsetMs` after the start. Laws move it forward only. */
export function at(offsetMs: number): StoreCall {
  return { now: START_MS + offsetMs };
}

/** A process id as the engine draws them: beyond what a double can hold. */
export function processId(number: number): string {
  return String(7_000_000_000_000_000_000n + BigInt(number));
}

/** Makes a law. */
export function law(name: string, run: Law["run"]): Law {
  return Object.freeze({ name, run });
}

/** Makes a law that writes while a caller's transaction is open. */
export function concurrentLaw(name: string, run: Law["run"]): Law {
  return Object.freeze({ name, run, concurrentTransactions: true });
}

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A task about to be enqueued, due at once. */
export function newTask(taskId: string, unusual: Partial<NewTask> = {}): NewTask {
  return Object.freeze({
    taskId,
    type: TYPE,
    key: null,
    data: bytes(`{"of":"${taskId}"}`),
    codec: "json",
    referenceId: null,
    headers: null,
    delayMs: 0,
    dueAtMs: null,
    bornClaimed: false,
    onDuplicate: "compare",
    ...unusual,
  });
}

/** Enqueues in a caller's transaction of its own and commits. Answers the ids by taskId; fails if one was not new. */
export async function enqueue(
  harness: ConformanceHarness,
  tasks: readonly NewTask[],
  call: StoreCall = at(0),
  birth: BirthClaim | null = null,
): Promise<Map<string, string>> {
  const caller = await harness.begin();
  const answer = await harness.store.insert(caller.transaction, tasks, birth, call);
  await caller.commit();
  const ids = new Map(answer.created.map(({ taskId, id }) => [taskId, id]));
  assert.equal(ids.size, tasks.length, "every task of the call is created");
  return ids;
}

/** A process as it registers. */
export function processRecord(owner: string, unusual: Partial<ProcessRecord> = {}): ProcessRecord {
  return { owner, host: "host", pid: 1, types: "all", slots: 100, leaseMs: 15_000, ...unusual };
}

/** Registers processes. */
export async function register(harness: ConformanceHarness, ...owners: readonly string[]): Promise<void> {
  for (const owner of owners) await harness.store.register(processRecord(owner), at(0));
}

/** Claims as `owner` under the number `claim`: any type, plenty of room, no other live claims, unless said otherwise. */
export function claim(
  harness: ConformanceHarness,
  owner: string,
  claimNumber: number,
  call: StoreCall,
  unusual: Partial<ClaimRequest> = {},
): Promise<ClaimAnswer> {
  const request: ClaimRequest = {
    owner,
    claim: claimNumber,
    types: "all",
    limit: 1_000,
    maxBytes: 100_000_000,
    suspectLimit: 1_000,
    alone: false,
    liveClaims: [],
    ...unusual,
  };
  return harness.store.claim(request, call);
}

/** Claims and answers the taskIds, in the order given by the store. */
export async function claimedIds(...parameters: Parameters<typeof claim>): Promise<string[]> {
  return taskIds((await claim(...parameters)).tasks);
}

/** Claims, expects exactly one task, and answers it. */
export async function claimOne(...parameters: Parameters<typeof claim>): Promise<ClaimedTask> {
  return only((await claim(...parameters)).tasks);
}

/** The single element of a list. */
export function only<Element>(list: readonly Element[]): Element {
  assert.equal(list.length, 1, "exactly one is expected");
  return list[0] as Element;
}

/** The taskIds of a list of tasks. */
export function taskIds(tasks: readonly { readonly taskId: string }[]): string[] {
  return tasks.map(({ taskId }) => taskId);
}

/** The value of a lookup that must not be missing. */
export function present<Value>(value: Value | null | undefined, what: string): Value {
  assert.ok(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

/** A task that must be kept. */
export async function standing(
  harness: ConformanceHarness,
  taskId: string,
  call: StoreCall = at(0),
): Promise<TaskWithAttempts> {
  return present(await harness.store.get(taskId, call), `task "${taskId}"`);
}

/** An error as executors leave them. */
export function recordedError(message = "it did not work"): RecordedError {
  return { name: "Error", message, code: null, stack: null };
}

/** What of a claimed task a settlement needs. */
export interface Settleable {
  readonly id: string;
  readonly taskId: string;
  readonly token: Token;
}

/** A success. */
export function confirmation({ id, taskId, token }: Settleable): ConfirmSettlement {
  return { kind: "confirm", id, taskId, token, durationMs: 5 };
}

/** A failure or deferral that asks for another attempt. */
export function retry(
  { id, taskId, token }: Settleable,
  unusual: Partial<RetrySettlement> = {},
): RetrySettlement {
  const error = recordedError();
  return {
    kind: "retry",
    id,
    taskId,
    token,
    durationMs: 5,
    delayMs: 0,
    counted: "failed",
    error,
    ...unusual,
  };
}

/** A failure without another attempt. */
export function failure(
  { id, taskId, token }: Settleable,
  unusual: Partial<FailSettlement> = {},
): FailSettlement {
  const error = recordedError();
  return {
    kind: "fail",
    id,
    taskId,
    token,
    durationMs: 5,
    reason: "attempts-exhausted",
    counted: true,
    error,
    ...unusual,
  };
}

/** A task given back. */
export function release({ id, taskId, token }: Settleable): ReleaseSettlement {
  return { kind: "release", id, taskId, token, durationMs: 5 };
}

/** Settles one outcome. */
export async function settle(
  harness: ConformanceHarness,
  settlement: Settlement,
  call: StoreCall,
): Promise<SettleAnswer> {
  return only(await harness.store.settle([settlement], call));
}

/** Settles one outcome that must be accepted. */
export async function applied(
  harness: ConformanceHarness,
  settlement: Settlement,
  call: StoreCall,
): Promise<void> {
  const { verdict } = await settle(harness, settlement, call);
  assert.equal(verdict, "applied", `a ${settlement.kind} of the current token is applied`);
}

/** Enqueues one task and claims it as `owner`, registered by this, under claim number 1. */
export async function claimedTask(
  harness: ConformanceHarness,
  taskId: string,
  owner: string,
): Promise<ClaimedTask> {
  await enqueue(harness, [newTask(taskId)]);
  await register(harness, owner);
  return claimOne(harness, owner, 1, at(0));
}

/** Lets a process die as an observer would: nobody counts its claims yet. */
export async function die(harness: ConformanceHarness, owner: string, call: StoreCall): Promise<void> {
  await harness.store.removeProcess(owner, call);
}
