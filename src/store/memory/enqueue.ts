/** Inserting tasks into a transaction, and what is said about those that stand already. */
import { FIRST_GENERATION } from "../../task/task.ts";
import type { BirthClaim, InsertAnswer, NewTask, ResolvedDuplicate } from "../contract.ts";
import type { TaskRow } from "./rows.ts";
import type { Session } from "./session.ts";

/** Writes what is new. A task another open transaction has inserted is waited for. */
export async function insertTasks(
  session: Session,
  tasks: readonly NewTask[],
  birth: BirthClaim | null,
  nowMs: number,
): Promise<InsertAnswer> {
  const created: { taskId: string; id: string }[] = [];
  for (const task of inLockOrder(tasks)) {
    const row = await insertTask(session, task, birth, nowMs);
    if (row !== null) created.push({ taskId: row.taskId, id: String(row.id) });
  }
  return { created, transactionMark: session.mark };
}

/** Compares what stands with what was to be inserted. When any is refused, nothing of the call remains. */
export async function resolveDuplicates(
  session: Session,
  missing: readonly NewTask[],
  birth: BirthClaim | null,
  createdIds: readonly string[],
  nowMs: number,
): Promise<readonly ResolvedDuplicate[]> {
  const verdicts = new Map<string, ResolvedDuplicate>();
  for (const task of inLockOrder(missing)) {
    verdicts.set(task.taskId, await resolve(session, task, birth, nowMs));
  }
  const answer = missing.map((task) => verdicts.get(task.taskId) as ResolvedDuplicate);
  if (answer.some(({ verdict }) => verdict === "different" || verdict === "exists")) {
    const created = answer.filter(({ verdict }) => verdict === "created").map(({ id }) => id as string);
    session.removeTasks(new Set([...createdIds, ...created]));
  }
  return answer;
}

async function resolve(
  session: Session,
  task: NewTask,
  birth: BirthClaim | null,
  nowMs: number,
): Promise<ResolvedDuplicate> {
  const { taskId, onDuplicate } = task;
  const inserted =
    session.findTask(taskId) === undefined ? await insertTask(session, task, birth, nowMs) : null;
  if (inserted !== null) return { taskId, verdict: "created", id: String(inserted.id) };
  const standing = session.findTask(taskId) as TaskRow;
  if (onDuplicate === "throw") return { taskId, verdict: "exists", id: null };
  if (onDuplicate === "compare" && !hasSameContent(standing, task)) {
    return { taskId, verdict: "different", id: null };
  }
  return { taskId, verdict: "same", id: String(standing.id) };
}

/** Answers the new row, or null when the task stands already. */
async function insertTask(
  session: Session,
  task: NewTask,
  birth: BirthClaim | null,
  nowMs: number,
): Promise<TaskRow | null> {
  if (session.findTask(task.taskId) === undefined) await session.lock(`task ${task.taskId}`);
  const standing = session.findTask(task.taskId);
  if (standing !== undefined) {
    session.assertNotNewer(standing.commit);
    return null;
  }
  const row = rowOf(task, session.database.nextTaskId(), birth, nowMs);
  session.addTask(row);
  return row;
}

function rowOf(task: NewTask, id: number, birth: BirthClaim | null, nowMs: number): TaskRow {
  const dueAtMs = task.dueAtMs === null ? nowMs + Math.max(task.delayMs, 0) : Math.max(task.dueAtMs, nowMs);
  const bornUnder = task.bornClaimed ? birth : null;
  return {
    id,
    taskId: task.taskId,
    type: task.type,
    key: task.key,
    // Not slice(): that of a Buffer would share the caller's memory.
    data: new Uint8Array(task.data),
    codec: task.codec,
    referenceId: task.referenceId,
    headers: task.headers === null ? null : Object.freeze({ ...task.headers }),
    createdAtMs: nowMs,
    commit: 0,
    generation: FIRST_GENERATION,
    standing: {
      dueAtMs,
      firstDueAtMs: dueAtMs,
      failedAttempts: 0,
      lostAttempts: 0,
      deferredAttempts: 0,
      deferredSinceMs: null,
      claim: bornUnder === null ? null : { owner: bornUnder.owner, number: bornUnder.claim },
    },
    attempts: [],
  };
}

/** Two calls that take their locks in one order cannot wait for each other. */
function inLockOrder(tasks: readonly NewTask[]): NewTask[] {
  return [...tasks].sort((left, right) => (left.taskId < right.taskId ? -1 : 1));
}

/** Erased data cannot be compared, so the type alone decides then. */
function hasSameContent(standing: TaskRow, task: NewTask): boolean {
  if (standing.type !== task.type) return false;
  return standing.data === null || Buffer.compare(standing.data, task.data) === 0;
}
