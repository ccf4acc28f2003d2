// Stands beside the wire and writes down what a process asked of the database, and what it was told.
import type { Seen } from "../checker/history.ts";
import { StoreUnavailableError } from "../src/errors.ts";
import type {
  BeatAnswer,
  BornClaim,
  BornClaimStanding,
  ClaimAnswer,
  ClaimRequest,
  ConfirmationStanding,
  HeldTask,
  ProcessRecord,
  SettleAnswer,
  Settlement,
} from "../src/store/contract.ts";
import type { ClaimedTask } from "../src/task/task.ts";
import type { PlainMethod } from "./database-server.ts";
import type { Wire } from "./wire.ts";

/** How a call that was not answered looks from outside. */
export function seenOf(error: unknown): Seen {
  return error instanceof StoreUnavailableError && error.outcomeUnknown ? "info" : "fail";
}

type Send = () => Promise<unknown>;

/** Sends a call and notes it. The values are what the contract says of each method. */
export function witnessed(
  wire: Wire,
  method: PlainMethod,
  parameters: readonly unknown[],
  send: Send,
): Promise<unknown> {
  switch (method) {
    case "register":
      return register(wire, parameters[0] as ProcessRecord, send);
    case "beat":
      return beat(wire, parameters[0] as string, send);
    case "claim":
    case "claimById":
      return claim(wire, method, parameters[0] as Pick<ClaimRequest, "owner" | "claim" | "liveClaims">, send);
    case "settle":
      return settle(wire, parameters[0] as readonly Settlement[], send);
    case "readConfirmations":
      return readConfirmations(wire, parameters[0] as readonly HeldTask[], send);
    case "readCommitted":
      return readCommitted(wire, parameters[0] as readonly BornClaim[], send);
    case "cancel":
    case "redrive":
    case "erase":
      wire.parts.recorder.disturb({ kind: "operator", operation: method, taskId: String(parameters[0]) });
      return send();
    default:
      return send();
  }
}

async function register(wire: Wire, { owner, leaseMs }: ProcessRecord, send: Send): Promise<unknown> {
  const { recorder } = wire.parts;
  recorder.own(owner, wire.process);
  const sentMs = wire.process.monotonicMs;
  const answer = await send();
  recorder.record(wire.process, { kind: "process.registered", owner, leaseMs, sentMs });
  return answer;
}

async function beat(wire: Wire, owner: string, send: Send): Promise<unknown> {
  const { recorder } = wire.parts;
  const sentMs = wire.process.monotonicMs;
  try {
    const answer = (await send()) as BeatAnswer;
    if (answer.alive) recorder.record(wire.process, { kind: "heartbeat", owner, sentMs, seen: "ok" });
    else recorder.record(wire.process, { kind: "process.lost", owner });
    if (!answer.alive) recorder.note("process learned that it was declared dead");
    if (answer.declaredDead.length > 0) recorder.note("process declared dead");
    return answer;
  } catch (error) {
    recorder.record(wire.process, { kind: "heartbeat", owner, sentMs, seen: seenOf(error) });
    throw error;
  }
}

async function claim(
  wire: Wire,
  method: "claim" | "claimById",
  request: Pick<ClaimRequest, "owner" | "claim" | "liveClaims">,
  send: Send,
): Promise<unknown> {
  const { recorder } = wire.parts;
  const { process } = wire;
  const named = { owner: request.owner, claim: request.claim };
  recorder.record(process, { kind: "claim.invoke", ...named, byId: method === "claimById" });
  recorder.mostLiveClaims = Math.max(recorder.mostLiveClaims, request.liveClaims.length);
  const sentMs = process.monotonicMs;
  try {
    const answer = await send();
    const tasks = method === "claim" ? (answer as ClaimAnswer).tasks : (answer as readonly ClaimedTask[]);
    const taskIds = tasks.map(({ taskId }) => taskId);
    for (const { id, taskId } of tasks) wire.learn(request.claim, id, taskId);
    recorder.record(process, { kind: "claim.answer", ...named, seen: "ok", taskIds });
    if (tasks.length > 0) recorder.note(`${method} took tasks`);
    if (tasks.length > 0 && process.monotonicMs - sentMs > wire.parts.leaseMs)
      recorder.note("claim reply after lease");
    return answer;
  } catch (error) {
    recorder.record(process, { kind: "claim.answer", ...named, seen: seenOf(error), taskIds: [] });
    throw error;
  }
}

async function readCommitted(wire: Wire, claims: readonly BornClaim[], send: Send): Promise<unknown> {
  const { recorder, unknownMarks } = wire.parts;
  const answer = (await send()) as readonly BornClaimStanding[];
  claims.forEach(({ transactionMark }, index) => {
    recorder.note(`born claim found ${answer[index]}`);
    if (transactionMark !== null && unknownMarks.has(transactionMark)) {
      recorder.note(`unknown commit found ${answer[index]}`);
    }
  });
  return answer;
}

/** Notes what became of the COMMIT of a transaction that confirms a task: both are one statement to its process. */
export function noteConfirmation(wire: Wire, { taskId, token }: HeldTask, seen: Seen): void {
  const { recorder } = wire.parts;
  const verdict = seen === "ok" ? "applied" : null;
  const decision = "confirm";
  recorder.record(wire.process, { kind: "settle.invoke", taskId, token, decision });
  recorder.record(wire.process, { kind: "settle.answer", taskId, token, seen, verdict, decision });
  recorder.note(`confirmed in a transaction: ${seen}`);
}

/** Reading that a task is confirmed is what its unanswered COMMIT should have told. */
async function readConfirmations(wire: Wire, tasks: readonly HeldTask[], send: Send): Promise<unknown> {
  const standings = (await send()) as readonly ConfirmationStanding[];
  tasks.forEach((task, place) => {
    wire.parts.recorder.note(`confirmation found ${standings[place]}`);
    if (standings[place] === "confirmed") noteConfirmation(wire, task, "ok");
  });
  return standings;
}

async function settle(wire: Wire, settlements: readonly Settlement[], send: Send): Promise<unknown> {
  const { recorder } = wire.parts;
  for (const settlement of settlements) {
    const decision =
      settlement.kind === "retry" && settlement.counted === "deferred" ? "defer" : settlement.kind;
    const named = { taskId: wire.taskIdOf(settlement), token: settlement.token };
    recorder.record(wire.process, { kind: "settle.invoke", ...named, decision });
  }
  const answered = (settlement: Settlement, seen: Seen, verdict: string | null): void => {
    const named = { taskId: wire.taskIdOf(settlement), token: settlement.token };
    recorder.record(wire.process, { kind: "settle.answer", ...named, seen, verdict });
    if (verdict === null) return wire.doubt(settlement);
    recorder.note(`settled ${settlement.kind} ${verdict}`);
    if (wire.isDoubted(settlement)) recorder.note(`settlement repeated: ${verdict}`);
  };
  try {
    const answers = (await send()) as readonly SettleAnswer[];
    settlements.forEach((settlement, index) => answered(settlement, "ok", answers[index]?.verdict ?? null));
    return answers;
  } catch (error) {
    recorder.note("settling failed");
    if (wire.parts.server.standing !== "up") recorder.note("outage while settling");
    for (const settlement of settlements) answered(settlement, seenOf(error), null);
    throw error;
  }
}
