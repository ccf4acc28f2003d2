// One process of a scripted run: what the engine of one process does, said and committed.
import { digestOf } from "../../checker/digest.ts";
import type {
  AuditEntry,
  HistoryToken,
  PendingImage,
  ProcessEventBody,
  Seen,
} from "../../checker/history.ts";
import { freeRow, scriptedDelayMs, tokenOf } from "./scripted-rows.ts";
import type { ScriptedRun } from "./scripted-run.ts";

type Outcome = Extract<ProcessEventBody, { readonly kind: "execution.end" }>["outcome"];
type Decision = Extract<ProcessEventBody, { readonly kind: "settle.invoke" }>["decision"];

/** How tasks are enqueued. */
export interface ScriptedEnqueue {
  readonly born?: boolean;
  readonly type?: string;
  readonly delayMs?: number;
  /** Default: each task's own id. */
  readonly data?: string;
  /** How the transaction ends; `info`: committed, and not answered; `vanished`: neither. */
  readonly ending?: "ok" | "rollback" | "info" | "vanished";
}

/** Delay of the store contract for what was lost twice or more. */
function lostDelayMs(lostAttempts: number): number {
  return Math.min(1_000 * 2 ** (lostAttempts - 2), 300_000);
}

/** A life of a process. */
export class ScriptedProcess {
  readonly run: ScriptedRun;
  readonly name: string;
  readonly boot: number;
  owner = "";
  readonly held = new Map<string, HistoryToken>();
  #seq = 0;
  #claims = 0;
  #calls = 0;
  readonly #originMs: number;

  constructor(run: ScriptedRun, name: string, boot: number) {
    this.run = run;
    this.name = name;
    this.boot = boot;
    // Each life has a clock of its own: nothing may be told by comparing them.
    this.#originMs = run.nowMs - 1_000 * boot - 77 * name.length;
  }

  get monotonicMs(): number {
    return this.run.nowMs - this.#originMs;
  }

  /** Says something in its history. */
  say(event: ProcessEventBody): this {
    this.#seq += 1;
    const { name: process, boot, monotonicMs } = this;
    this.run.processes.push({ process, boot, seq: this.#seq, monotonicMs, event });
    return this;
  }

  register(): this {
    this.owner = this.run.newOwner();
    const sentMs = this.monotonicMs;
    const { leaseMs } = this.run.history().settings;
    this.run.commit({ kind: "process.insert", owner: this.owner });
    return this.say({ kind: "process.registered", owner: this.owner, leaseMs, sentMs });
  }

  /** A heartbeat, which may declare others dead. */
  beat(...dead: readonly string[]): this {
    const deaths = dead.map((owner) => ({ kind: "process.delete", owner }) as const);
    this.run.commit({ kind: "process.beat", owner: this.owner }, ...deaths);
    return this.say({ kind: "heartbeat", owner: this.owner, sentMs: this.monotonicMs, seen: "ok" });
  }

  /** It learns that it was declared dead, and registers anew. */
  reborn(): this {
    return this.say({ kind: "process.lost", owner: this.owner }).register();
  }

  nextClaim(): number {
    this.#claims += 1;
    return this.#claims;
  }

  /** Enqueues in a transaction of its own. */
  enqueue(taskIds: readonly string[], how: ScriptedEnqueue = {}): this {
    const { born = false, type = "mail", delayMs = 0, ending = "ok", data } = how;
    this.#calls += 1;
    const call = `${this.name}-${this.#calls}`;
    const claim = born ? this.nextClaim() : null;
    const holder = born ? { owner: this.owner, claim } : {};
    const row: PendingImage = { ...freeRow(this.run.nowMs + delayMs, type), ...holder };
    this.say({
      kind: "enqueue.invoke",
      call,
      taskIds,
      digests: taskIds.map((taskId) => digestOf(data ?? taskId)),
    });
    this.say({ kind: "enqueue.answer", call, seen: "ok", created: taskIds });
    if (ending === "rollback") return this.say({ kind: "rollback", calls: [call] });
    this.say({ kind: "commit.invoke", calls: [call] });
    if (ending !== "vanished") {
      this.run.commit(...taskIds.map((taskId) => ({ kind: "pending.insert", taskId, row }) as const));
      if (born) for (const taskId of taskIds) this.held.set(taskId, tokenOf(row));
    }
    const seen: Seen = ending === "ok" ? "ok" : "info";
    return this.say({ kind: "commit.answer", calls: [call], seen });
  }

  /** Claims the tasks, whoever held them; those of the dead are counted lost. Answers those that it holds now. */
  claim(taskIds: readonly string[], seen: Seen = "ok", byId = false): readonly string[] {
    const claim = this.nextClaim();
    this.say({ kind: "claim.invoke", owner: this.owner, claim, byId });
    const changes = taskIds.map((taskId) => this.#taken(taskId, claim));
    if (changes.length > 0) this.run.commit(...changes);
    const taken = taskIds.filter((taskId) => this.run.row(taskId).owner === this.owner);
    this.say({ kind: "claim.answer", owner: this.owner, claim, seen, taskIds: seen === "ok" ? taken : [] });
    if (seen === "ok") for (const taskId of taken) this.held.set(taskId, tokenOf(this.run.row(taskId)));
    return taken;
  }

  #taken(taskId: string, claim: number): AuditEntry["change"] {
    const row = this.run.row(taskId);
    const lostAttempts = row.lostAttempts + (row.owner === null || row.owner === this.owner ? 0 : 1);
    if (lostAttempts > row.lostAttempts && lostAttempts >= 2) {
      const dueAtMs = this.run.nowMs + lostDelayMs(lostAttempts);
      return this.run.update(taskId, { owner: null, claim: null, lostAttempts, dueAtMs });
    }
    return this.run.update(taskId, { owner: this.owner, claim, lostAttempts });
  }

  tokenOn(taskId: string): HistoryToken {
    const token = this.held.get(taskId);
    if (token === undefined) throw new Error(`the script is wrong: ${this.name} does not hold ${taskId}`);
    return token;
  }

  begin(taskId: string, data = taskId): this {
    const token = this.tokenOn(taskId);
    return this.say({ kind: "execution.start", taskId, token, digest: digestOf(data) });
  }

  finish(taskId: string, outcome: Outcome = "succeeded"): this {
    const token = this.tokenOn(taskId);
    const effect = { kind: "effect", taskId, token } as const;
    // A payment's effect stands in the transaction that confirms it.
    if (outcome === "succeeded" && this.run.types.get(taskId) !== "payment") this.say(effect);
    const permanent = outcome === "failed" ? { permanent: false } : {};
    return this.say({ kind: "execution.end", taskId, token, outcome, ...permanent });
  }

  /** Writes an outcome. `info`: written, and not answered; `fail`: not written. */
  settle(taskId: string, decision: Decision = "confirm", seen: Seen = "ok"): this {
    const token = this.tokenOn(taskId);
    this.say({ kind: "settle.invoke", taskId, token, decision });
    const verdict = seen === "fail" ? null : this.#write(taskId, token, decision);
    this.say({ kind: "settle.answer", taskId, token, seen, verdict: seen === "ok" ? verdict : null });
    if (seen === "ok") this.held.delete(taskId);
    if (seen === "ok" && (verdict === "applied" || verdict === "late")) this.#tell(taskId, decision);
    return this;
  }

  #tell(taskId: string, decision: Decision): void {
    if (decision === "confirm") this.say({ kind: "hook.confirmed", taskId });
    if (decision === "fail") this.say({ kind: "hook.failed", taskId });
  }

  #write(taskId: string, token: HistoryToken, decision: Decision): string {
    const row = this.run.pending.get(taskId);
    const isCurrent =
      row?.owner === token.owner && row.claim === token.claim && row.generation === token.generation;
    if (decision === "confirm") return this.#confirm(taskId, token, row, isCurrent);
    if (row === undefined || !isCurrent) return "refused";
    const free = { owner: null, claim: null };
    const { nowMs } = this.run;
    if (decision === "fail") this.run.commit(...this.run.ending(taskId, "failed"));
    else if (decision === "retry") {
      const failedAttempts = row.failedAttempts + 1;
      const dueAtMs = nowMs + scriptedDelayMs(failedAttempts);
      this.run.commit(this.run.update(taskId, { ...free, failedAttempts, dueAtMs }));
    } else if (decision === "defer") {
      const deferredAttempts = row.deferredAttempts + 1;
      this.run.commit(this.run.update(taskId, { ...free, deferredAttempts, dueAtMs: nowMs + 300 }));
    } else this.run.commit(this.run.update(taskId, { ...free, dueAtMs: nowMs }));
    return "applied";
  }

  /** A success of the generation dominates. */
  #confirm(taskId: string, token: HistoryToken, row: PendingImage | undefined, isCurrent: boolean): string {
    if (row !== undefined && row.generation === token.generation) {
      this.run.commit(...this.run.ending(taskId, "confirmed"));
      this.#sayPaid(taskId, token);
      return isCurrent ? "applied" : "late";
    }
    const end = this.run.settled.get(taskId);
    if (end?.state !== "failed" || end.generation !== token.generation) return "recorded";
    const { generation } = end;
    this.run.commit(
      { kind: "settled.delete", taskId, state: "failed", generation },
      { kind: "settled.insert", taskId, state: "confirmed", generation },
    );
    this.#sayPaid(taskId, token);
    return "late";
  }

  #sayPaid(taskId: string, token: HistoryToken): void {
    if (this.run.types.get(taskId) === "payment") this.say({ kind: "effect", taskId, token });
  }

  /** Claimed, executed and written without trouble. */
  complete(taskId: string, ms = 20): this {
    this.claim([taskId]);
    this.begin(taskId);
    this.run.pass(ms);
    return this.finish(taskId).settle(taskId);
  }

  kill(): void {
    this.run.disturb({ kind: "kill", process: this.name, boot: this.boot });
  }

  /** An orderly stop: what is held is given back. */
  stop(boundMs = 10_000): this {
    this.say({ kind: "stop.begin", boundMs });
    for (const taskId of this.held.keys()) this.settle(taskId, "release");
    this.run.commit({ kind: "process.delete", owner: this.owner });
    return this.say({ kind: "stop.end" });
  }
}

/** A new life of a process, registered. */
export function start(run: ScriptedRun, name: string): ScriptedProcess {
  return new ScriptedProcess(run, name, run.nextBoot(name)).register();
}
