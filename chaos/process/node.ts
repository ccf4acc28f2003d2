// One process of a run: its scheduler on a witnessed store, its history, its signals, and what the rig asks of it.
import { subscribe } from "node:diagnostics_channel";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { Scheduler, type Worker } from "../../src/run/scheduler.ts";
import { executor } from "../../src/run/typed-executor.ts";
import type { BoundExecutor } from "../../src/task/executor.ts";
import { safeError } from "../../src/task/safe-error.ts";
import { Executions } from "./executions.ts";
import { definitionOf, kinds, type Script } from "./kinds.ts";
import type { Answer, Command, Message, ProcessStatus, Request } from "./messages.ts";
import { play } from "./play.ts";
import { Recorder } from "./recorder.ts";
import { openStore, type ProcessSettings } from "./settings.ts";
import { transferExecutor } from "./transfers.ts";
import { witnessedStore } from "./witnessed-store.ts";

/** A scheduler whose store is not known by its type. */
export type NodeScheduler = Scheduler<unknown, unknown, boolean>;

/** Everything of one process. */
export interface RunningNode {
  readonly settings: ProcessSettings;
  readonly recorder: Recorder;
  readonly scheduler: NodeScheduler;
  readonly pool: pg.Pool | null;
  worker: Worker | null;
}

/** Aborting takes a second, draining five; the rest is for a busy machine. */
const STOP_BEYOND_GRACE_MS = 9_000;

/** Settings from the command line. */
export function settingsFromArguments(): ProcessSettings {
  return JSON.parse(process.argv[2] ?? "{}") as ProcessSettings; // written by the rig
}

/** Makes the scheduler; nothing is started. */
export function makeNode(settings: ProcessSettings): RunningNode {
  const recorder = new Recorder(settings);
  const executions = new Executions(recorder);
  const { store, pool } = openStore(settings);
  const throwing = (): void => {
    if (settings.hooksThrow) throw new Error("a hook of the application throws");
  };
  const scheduler = new Scheduler({
    store: witnessedStore(store, recorder),
    executors: (settings.kinds ?? []).map((kind) =>
      witnessedExecutor(kind, settings, executions, () => node),
    ),
    leaseMs: settings.leaseMs,
    timeoutMs: settings.attemptTimeoutMs,
    migrate: settings.migrate,
    maxDataBytes: 2 * 1_024 * 1_024,
    onConfirmed: ({ taskId }) => {
      recorder.record({ kind: "hook.confirmed", taskId });
      throwing();
    },
    onFailed: ({ taskId }) => {
      recorder.record({ kind: "hook.failed", taskId });
      throwing();
    },
  }) as unknown as NodeScheduler;
  const node: RunningNode = { settings, recorder, scheduler, pool, worker: null };
  return node;
}

function witnessedExecutor(
  kind: string,
  settings: ProcessSettings,
  executions: Executions,
  node: () => RunningNode,
): BoundExecutor {
  const definition = definitionOf(kind, settings.maxLostAlone);
  const enqueueFollowUp = async (taskId: string): Promise<void> => {
    const { scheduler } = node();
    await scheduler.transaction(async (tx) => {
      await tx.enqueue(definition, {} satisfies Script, { taskId });
    });
  };
  const around = { gateFolder: settings.gateFolder, enqueueFollowUp };
  const isTransactional = kinds[kind]?.isTransactional === true;
  const played = isTransactional
    ? transferExecutor(definition, settings.maxLostAlone, around)
    : executor(definition, (attempt) => play(attempt.data, attempt, around));
  const hasEffect = !isTransactional; // else it is a row, which the rig counts
  return {
    ...played,
    run: (task, host) => executions.run(task, hasEffect, async () => void (await played.run(task, host))),
  };
}

/** Starts the scheduler, again and again as long as the settings allow. */
export async function startPatiently({ scheduler, settings }: RunningNode): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await scheduler.start();
      return;
    } catch (error) {
      if (settings.startTries !== null && tries >= settings.startTries) throw error;
      await delay(250);
    }
  }
}

/** Stops in an orderly way at the first SIGTERM or SIGINT; at the second at once, with the code of the signal. */
export function obeySignals(node: RunningNode): void {
  const { scheduler, recorder, settings, pool } = node;
  const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
  let unclean = 0;
  let signals = 0;
  let code = 0;
  subscribe("owed:store.unavailable", () => (unclean += 1));
  subscribe("owed:store.recovered", () => (unclean -= 1));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) {
        code = exitCodes[signal];
        void scheduler.stop({ graceMs: 0 });
        return;
      }
      recorder.record({ kind: "stop.begin", boundMs: settings.graceMs + STOP_BEYOND_GRACE_MS });
      void scheduler.stop({ graceMs: settings.graceMs }).then(() => {
        recorder.record({ kind: "stop.end" });
        void pool?.end();
        // What an application would do: an orchestrator must see that outcomes may not have been written.
        process.exit(code !== 0 ? code : unclean > 0 ? 1 : 0);
      });
    });
  }
}

/** Answers what the rig asks. `own` takes the commands that only this kind of process knows. */
export function answerCommands(
  node: RunningNode,
  own: (command: Command) => Promise<unknown> | undefined,
): void {
  const events: Record<string, number> = {};
  const warnings: string[] = [];
  for (const name of [
    "store.unavailable",
    "process.blocked",
    "process.lost",
    "process.declared-dead",
    "wake-ups.on",
    "wake-ups.lost",
    "engine.error",
    "hook.error",
  ]) {
    subscribe(`owed:${name}`, () => (events[name] = (events[name] ?? 0) + 1));
  }
  subscribe("owed:store.warning", (event) => warnings.push((event as { readonly warning: string }).warning));
  const common = async (command: Command): Promise<unknown> => {
    if (command.do === "status") return status(node, events, warnings);
    if (command.do === "slots") return await takenSlots(node);
    if (command.do === "execute") return await node.scheduler.executeAndAdvance(command.taskId);
    if (command.do === "operate") return await node.scheduler[command.operation](command.taskId);
    return await own(command);
  };
  process.on("message", (request) => {
    const { id, command } = request as Request; // the rig sends nothing else
    const answer = (given: Answer): void => send({ kind: "answer", id, answer: given });
    common(command).then(
      (value) => answer({ ok: true, value: value ?? null }),
      (error: unknown) => {
        const { code, name, message } = safeError(error);
        answer({ ok: false, code: code ?? name, message });
      },
    );
  });
}

function status(
  { worker }: RunningNode,
  events: Readonly<Record<string, number>>,
  warnings: readonly string[],
): ProcessStatus {
  const { running = 0, zombies = 0 } = worker ?? {};
  return { running, zombies, residentBytes: process.memoryUsage.rss(), warnings, events };
}

async function takenSlots({ scheduler }: RunningNode): Promise<number> {
  const { running, zombies } = await scheduler.stats();
  return running.worker + running.fastPath + zombies;
}

/** Tells the rig; when it is gone, nobody listens, and its watcher ends this process. */
export function send(message: Message): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
