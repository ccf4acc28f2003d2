/** What the dashboard is made with, checked at construction. */
import type { IncomingMessage } from "node:http";
import { InvalidInputError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import { realPorts } from "../ports/real-ports.ts";
import type { Logger } from "../run/reporter.ts";
import type { Awaitable, Store } from "../store/contract.ts";
import { checkFunction, checkNames, checkObject, optionNames, shown } from "../task/option-checks.ts";
import type { Statistics } from "../telemetry/gauges.ts";

/**
 * What a person may be allowed to do: see tasks, see figures over all tasks, see the data, and the four operations.
 * `metrics` is for a program that scrapes `/metrics`: names of types and counts, and nothing else of the dashboard.
 */
export type Right = "view" | "survey" | "reveal" | "redrive" | "cancel" | "erase" | "delete" | "metrics";

/** All rights. */
export const everyRight: readonly Right[] = Object.freeze([
  "view",
  "survey",
  "reveal",
  "redrive",
  "cancel",
  "erase",
  "delete",
  "metrics",
]);

/** What somebody on this machine may do unless it is said. */
const rightsOnLoopback: readonly Right[] = Object.freeze([
  "view",
  "survey",
  "redrive",
  "cancel",
  "erase",
  "delete",
]);

/** The task a right is asked for. */
export interface TaskInQuestion {
  readonly taskId: string;
  readonly type: string;
  readonly referenceId: string | null;
}

/** What is asked of `authorize`. */
export interface RightQuestion {
  /** As it came; its body must be left unread. */
  readonly request: Request;
  readonly right: Right;
  /** Null: the right as such. For `survey` it always is. */
  readonly task: TaskInQuestion | null;
  /** Through `nodeHandler`: the request of node:http, with what other handlers have put on it (a user, a session). */
  readonly message: IncomingMessage | null;
}

/**
 * Says who a person is, and so grants a right; null or false denies it. A Response (to a login, say) is sent instead of
 * the page. It is asked on every request, first for `view` with `task` null: whoever is granted that may come in. Then it is
 * asked for `view` with each task that would be shown, in lists, groups, previews and the record of what people did: of
 * those that are denied nothing is told, and nothing is done to them. Counts, rates, types and processes are of all tasks
 * together, and are told to whoever is granted `survey`. What is done to a task is asked with that task. For `/metrics` it
 * is asked for `metrics` alone.
 */
export type Authorize = (question: RightQuestion) => Awaitable<string | Response | null | false>;

/** What the dashboard needs of a store. */
export type DashboardStore = Pick<
  Store,
  | "name"
  | "get"
  | "list"
  | "listByTaskId"
  | "statistics"
  | "processes"
  | "examine"
  | "cancel"
  | "redrive"
  | "erase"
  | "delete"
  | "recordAct"
  | "acts"
  | "rollUps"
>;

/** Options whoever may use it. */
export interface CommonDashboardOptions {
  readonly store: DashboardStore;
  /** The path under which browsers find it: "/admin/owed". Default: the root. */
  readonly basePath?: string | undefined;
  /**
   * Signs the tokens of forms; 32 characters or more. Give the same to all processes behind one address. Default: a
   * random one for each process.
   */
  readonly secret?: string | undefined;
  /** Is told what people did (info), and what went wrong (error). Never data, never the text of a request. */
  readonly logger?: Logger | undefined;
  /** The scheduler of this process, where there is one: `/metrics` then tells its slots and zombies as well. */
  readonly scheduler?: { readonly stats: () => Promise<Statistics> } | undefined;
  /** Time and randomness; the real ones unless a test says otherwise. */
  readonly ports?: Ports | undefined;
}

/** Whoever asks must be granted each right. */
export interface AuthorizedOptions extends CommonDashboardOptions {
  readonly authorize: Authorize;
  readonly dangerouslyOpenOnLoopback?: undefined;
  readonly loopbackRights?: undefined;
}

/** Everybody who reaches it over the loopback interface of this machine, and nobody else. */
export interface LoopbackOptions extends CommonDashboardOptions {
  readonly authorize?: undefined;
  readonly dangerouslyOpenOnLoopback: true;
  /** What they may do. Default: everything but `reveal` and `metrics`. */
  readonly loopbackRights?: readonly Right[] | undefined;
}

/** Options of `dashboard`. */
export type DashboardOptions = AuthorizedOptions | LoopbackOptions;

const optionsOfAll = optionNames<LoopbackOptions>({
  store: true,
  basePath: true,
  secret: true,
  logger: true,
  scheduler: true,
  ports: true,
  authorize: true,
  dangerouslyOpenOnLoopback: true,
  loopbackRights: true,
});

const SHORTEST_SECRET = 32;

/** The options, checked. */
export interface DashboardSettings {
  readonly store: DashboardStore;
  /** "" or "/admin/owed". */
  readonly basePath: string;
  readonly secret: string | Uint8Array;
  readonly logger: Logger | null;
  readonly scheduler: { readonly stats: () => Promise<Statistics> } | null;
  readonly ports: Ports;
  /** Null: the loopback interface alone, with these rights. */
  readonly authorize: Authorize | null;
  readonly loopbackRights: readonly Right[];
}

/** Checks the options. Throws InvalidInputError, above all when nothing says who may use it. */
export function dashboardSettings(options: DashboardOptions): DashboardSettings {
  checkObject("options", options, "pass { store, authorize }");
  checkNames("dashboard", options, optionsOfAll);
  const { store, logger = null, scheduler = null, ports = realPorts } = options;
  if (typeof store !== "object" || store === null || typeof store.rollUps !== "function") {
    throw new InvalidInputError(
      "store",
      `is ${shown(store)}`,
      "give postgresStore, sqliteStore or memoryStore",
    );
  }
  if (scheduler !== null)
    checkFunction("scheduler.stats", Reflect.get(scheduler, "stats"), "give the Scheduler");
  const loopbackRights = checkAccess(options);
  return {
    store,
    basePath: basePathOf(options.basePath ?? ""),
    secret: secretOf(options.secret, ports),
    logger,
    scheduler,
    ports,
    authorize: options.authorize ?? null,
    loopbackRights,
  };
}

function checkAccess(options: DashboardOptions): readonly Right[] {
  const { authorize, dangerouslyOpenOnLoopback, loopbackRights } = options;
  if (authorize !== undefined) {
    checkFunction("authorize", authorize, "give a function that answers who may do what");
    if (dangerouslyOpenOnLoopback === undefined && loopbackRights === undefined) return [];
    throw new InvalidInputError(
      "authorize",
      "is given beside an option for the loopback",
      "give one of them",
    );
  }
  if (dangerouslyOpenOnLoopback !== true) {
    throw new InvalidInputError(
      "authorize",
      "is missing",
      "give a function that answers who may do what; only on your own machine dangerouslyOpenOnLoopback: true",
    );
  }
  const rights = loopbackRights ?? rightsOnLoopback;
  if (!Array.isArray(rights) || !rights.every((right) => everyRight.includes(right))) {
    throw new InvalidInputError("loopbackRights", "is no list of rights", `use ${everyRight.join(", ")}`);
  }
  return rights;
}

function basePathOf(path: unknown): string {
  if (path === "" || path === "/") return "";
  if (typeof path === "string" && /^(?:\/[\w.~-]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path))
    return path;
  throw new InvalidInputError(
    "basePath",
    `is ${shown(path)}`,
    'give the path of the mount, as in "/admin/owed"',
  );
}

function secretOf(secret: unknown, ports: Ports): string | Uint8Array {
  if (secret === undefined) return ports.random.bytes(SHORTEST_SECRET);
  if (typeof secret === "string" && secret.length >= SHORTEST_SECRET) return secret;
  throw new InvalidInputError(
    "secret",
    "is too short, or no text",
    `give ${SHORTEST_SECRET} characters or more`,
  );
}
