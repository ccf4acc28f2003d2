/** Inserting tasks on a user's connection, and what is said about those that stand already. All of it synchronous. */
import { keyHash, typeHash } from "../../task/type-hash.ts";
import type { BirthClaim, BornClaim, NewTask, ResolvedDuplicate } from "../contract.ts";
import { type Connection, integerOf } from "./connection.ts";
import {
  compareTask,
  deletePendingOfCall,
  deleteTaskOfCall,
  findClaim,
  insertPending,
  insertTask,
} from "./enqueue-statements.ts";

/** One call on a user's connection. */
interface EnqueueCall {
  readonly connection: Connection;
  readonly birth: BirthClaim | null;
  readonly nowMs: number;
  /** The greatest id this process was ever given; kept up to date by the call. */
  readonly ids: { last: bigint };
}

/** Writes what is new, answers only that. */
export function insertTasks(
  call: EnqueueCall,
  tasks: readonly NewTask[],
): readonly { readonly taskId: string; readonly id: string }[] {
  const hashes = new Map<string, bigint>();
  const created: { readonly taskId: string; readonly id: string }[] = [];
  for (const task of tasks) {
    const id = insertOne(call, task, hashes);
    if (id !== null) created.push({ taskId: task.taskId, id });
  }
  return created;
}

/** Compares what stands with what was to be inserted. When any is refused, nothing of the call remains. */
export function resolveTasks(
  call: EnqueueCall,
  missing: readonly NewTask[],
  createdIds: readonly string[],
): readonly ResolvedDuplicate[] {
  const hashes = new Map<string, bigint>();
  const answer = missing.map((task) => resolveOne(call, task, hashes));
  if (answer.some(({ verdict }) => verdict === "different" || verdict === "exists")) {
    const inserted = answer.flatMap(({ verdict, id }) => (verdict === "created" && id !== null ? [id] : []));
    for (const id of [...createdIds, ...inserted]) {
      call.connection.run(deletePendingOfCall, { id: integerOf(id) });
      call.connection.run(deleteTaskOfCall, { id: integerOf(id) });
    }
  }
  return answer;
}

/** Whether a born claim stands under its token. */
export function claimStands(connection: Connection, { id, token }: BornClaim): boolean {
  const { owner, claim, generation } = token;
  const parameters = { id: integerOf(id), owner: integerOf(owner), claim, generation };
  return connection.first(findClaim, parameters) !== undefined;
}

function resolveOne(call: EnqueueCall, task: NewTask, hashes: Map<string, bigint>): ResolvedDuplicate {
  const { taskId, onDuplicate } = task;
  const inserted = insertOne(call, task, hashes);
  if (inserted !== null) return { taskId, verdict: "created", id: inserted };
  if (onDuplicate === "throw") return { taskId, verdict: "exists", id: null };
  const standing = call.connection.first<{ readonly id: string; readonly is_same: number }>(compareTask, {
    task_id: taskId,
    type: task.type,
    data: task.data,
  });
  if (standing === undefined || (onDuplicate === "compare" && standing.is_same !== 1)) {
    return { taskId, verdict: "different", id: null };
  }
  return { taskId, verdict: "same", id: standing.id };
}

/** Answers the new id, or null when the task stands already. */
function insertOne(
  { connection, birth, nowMs, ids }: EnqueueCall,
  task: NewTask,
  hashes: Map<string, bigint>,
): string | null {
  const created = connection.first<{ readonly id: string }>(insertTask, {
    last_id: ids.last,
    task_id: task.taskId,
    type: task.type,
    key: task.key,
    data: task.data,
    codec: task.codec,
    reference_id: task.referenceId,
    now: nowMs,
    headers: task.headers === null ? null : JSON.stringify(task.headers),
  });
  if (created === undefined) return null;
  ids.last = integerOf(created.id);
  const claim = task.bornClaimed ? birth : null;
  connection.run(insertPending, {
    id: ids.last,
    type_hash: hashOf(task.type, hashes),
    key_hash: task.key === null ? null : integerOf(keyHash(task.type, task.key)),
    due: dueAt(task, nowMs),
    owner: claim === null ? null : integerOf(claim.owner),
    claim: claim === null ? null : claim.claim,
  });
  return created.id;
}

function dueAt({ dueAtMs, delayMs }: NewTask, nowMs: number): number {
  return Math.ceil(dueAtMs === null ? nowMs + Math.max(delayMs, 0) : Math.max(dueAtMs, nowMs));
}

function hashOf(type: string, hashes: Map<string, bigint>): bigint {
  const known = hashes.get(type);
  if (known !== undefined) return known;
  const hash = integerOf(typeHash(type));
  hashes.set(type, hash);
  return hash;
}
