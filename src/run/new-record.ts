/** From what the caller passes to what the store writes: everything is checked and encoded before anything is written. */
import { DataTooLargeError, InvalidInputError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { NewTask } from "../store/contract.ts";
import { checkDuplicatePolicy, type TaskDefinition, validateData } from "../task/definition.ts";
import {
  checkHeaders,
  checkKey,
  checkReferenceId,
  checkTaskId,
  checkType,
  uuidv7,
} from "../task/identifier.ts";
import { BYTES_CODEC, encodeJson, JSON_CODEC } from "../task/json-codec.ts";
import { checkNames, optionNames, shown } from "../task/option-checks.ts";
import type { DuplicatePolicy } from "../task/task.ts";
import { type Steps, step } from "./steps.ts";

/** Default limit of the encoded data: 256 KiB. */
export const DEFAULT_MAX_DATA_BYTES = 256 * 1_024;
/** Longest delay: ten years. */
const LONGEST_DELAY_MS = 10 * 366 * 24 * 3_600_000;
/** The last instant a task can be due: the end of the year 9999. */
const LAST_INSTANT_MS = 253_402_300_799_999;

/** What can be said about one task besides its data. */
export interface EnqueueOptions {
  /** The idempotency key, 1 to 512 bytes. Default: a new UUIDv7. */
  readonly taskId?: string | undefined;
  /** Correlates the task with an order, an intent; never read by the engine. */
  readonly referenceId?: string | undefined;
  /** By what tasks of the type are told apart, 1 to 200 bytes. Default: what the definition says, or none. */
  readonly key?: string | undefined;
  /** Small text headers, for trace context; 4 KB in all. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Due this many milliseconds after the database's now. Not together with `runAt`. */
  readonly delayMs?: number | undefined;
  /** Due at this instant; one in the past means now. Not together with `delayMs`. */
  readonly runAt?: Date | undefined;
}

/** The names of what can be said about one task. */
export const enqueueOptions = optionNames<EnqueueOptions>({
  taskId: true,
  referenceId: true,
  key: true,
  headers: true,
  delayMs: true,
  runAt: true,
});

/** A task of the raw layer: opaque bytes. */
export interface RawRecord extends EnqueueOptions {
  readonly type: string;
  readonly data: Uint8Array;
  /** As in a definition. Default "compare". */
  readonly onDuplicate?: DuplicatePolicy | undefined;
}

const rawNames: ReadonlySet<string> = new Set([...enqueueOptions, "type", "data", "onDuplicate"]);

/** A record of a definition. */
interface TypedRecord {
  readonly definition: TaskDefinition;
  readonly data: unknown;
  readonly options: EnqueueOptions;
}

/** Typed or raw, as it comes in. */
export type IncomingRecord =
  | TypedRecord
  | { readonly raw: RawRecord }
  /** Checked and encoded already. */
  | { readonly prepared: NewTask };

/** What records are checked against. */
export interface RecordLimits {
  readonly maxDataBytes: number;
}

/** Checks and encodes one record; waits only if its schema does. Throws the typed error of the first thing wrong. */
export function* newTask(
  incoming: Exclude<IncomingRecord, { readonly prepared: NewTask }>,
  limits: RecordLimits,
  ports: Ports,
): Steps<NewTask> {
  if ("raw" in incoming) {
    const { raw } = incoming;
    if (typeof raw !== "object" || raw === null) {
      throw new InvalidInputError(
        "records",
        "holds something that is no object",
        "pass records like { type, data }",
      );
    }
    checkNames("a record", raw, rawNames);
    const type = checkType(raw.type);
    if (!(raw.data instanceof Uint8Array)) {
      throw new InvalidInputError(
        "data",
        "is no Uint8Array",
        "encode it, or use a definition, which encodes for you",
      );
    }
    const onDuplicate = checkDuplicatePolicy(raw.onDuplicate);
    return assemble(type, new Uint8Array(raw.data), BYTES_CODEC, onDuplicate, raw, limits, ports);
  }
  const { definition, data } = incoming;
  // Encoded first: a schema may have to be waited for, and the caller may change its object meanwhile.
  const encoded = encodeJson(data, { type: definition.type, maxDataBytes: limits.maxDataBytes });
  const options = withKey(incoming);
  yield* step(validateData(definition, data) ?? undefined);
  if (options instanceof Error) throw options;
  return assemble(definition.type, encoded, JSON_CODEC, definition.onDuplicate, options, limits, ports);
}

/** The options with the key of the definition, if they name none. An error waits for that of the schema, which tells more. */
function withKey({ definition, data, options }: TypedRecord): EnqueueOptions | Error {
  if (definition.key === undefined || options.key !== undefined) return options;
  try {
    return { ...options, key: checkKey(definition.key(data)) };
  } catch (error) {
    return error instanceof Error
      ? error
      : new Error(`the key of "${definition.type}" threw`, { cause: error });
  }
}

function assemble(
  type: string,
  data: Uint8Array,
  codec: string,
  onDuplicate: DuplicatePolicy,
  options: EnqueueOptions,
  limits: RecordLimits,
  ports: Ports,
): NewTask {
  if (data.byteLength > limits.maxDataBytes)
    throw new DataTooLargeError(type, data.byteLength, limits.maxDataBytes);
  const { delayMs = 0, runAt } = options;
  if (!(Number.isFinite(delayMs) && delayMs >= 0 && delayMs <= LONGEST_DELAY_MS)) {
    throw new InvalidInputError("delayMs", `is ${shown(delayMs)}`, "give milliseconds from 0 to ten years");
  }
  if (runAt !== undefined && options.delayMs !== undefined) {
    throw new InvalidInputError("runAt", "is set together with delayMs", "give one of them");
  }
  return {
    taskId: options.taskId === undefined ? newTaskId(ports) : checkTaskId(options.taskId),
    type,
    data,
    codec,
    key: options.key === undefined || options.key === null ? null : checkKey(options.key),
    referenceId: checkReferenceId(options.referenceId),
    headers: checkHeaders(options.headers),
    delayMs,
    dueAtMs: runAt === undefined ? null : checkInstant(runAt),
    bornClaimed: false,
    onDuplicate,
  };
}

function newTaskId(ports: Ports): string {
  return uuidv7(ports.clock.wallMs(), ports.random.bytes(16));
}

function checkInstant(runAt: unknown): number {
  const instantMs = runAt instanceof Date ? runAt.getTime() : Number.NaN;
  if (!Number.isFinite(instantMs) || Math.abs(instantMs) > LAST_INSTANT_MS) {
    throw new InvalidInputError("runAt", "is no valid Date", "give a Date before the year 10000");
  }
  return Math.max(instantMs, 0);
}
