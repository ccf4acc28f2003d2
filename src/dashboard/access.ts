/** Who may do what, asked of the application, or told by where the request comes from. */
import type { IncomingMessage } from "node:http";
import { InvalidInputError } from "../errors.ts";
import { shown } from "../task/option-checks.ts";
import type { DashboardSettings, Right, TaskInQuestion } from "./options.ts";
import { Refusal } from "./refusal.ts";

/** Where a request comes from, as far as the server knows. */
export interface Connection {
  readonly remoteAddress: string | null;
  readonly message: IncomingMessage | null;
}

/** Headers by which a proxy shows that somebody else is behind it. */
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/** Name of whoever uses a dashboard that is open on the loopback interface. */
const SOMEBODY_HERE = "somebody on this machine";

/** What came of asking for a right: the person's name, null when it is denied, or a response of the application. */
export type Grant = string | null | Response;

/** Asks for rights, within one request. */
export class Access {
  readonly #settings: DashboardSettings;
  readonly #request: Request;
  readonly #message: IncomingMessage | null;
  readonly #isOnLoopback: boolean;

  constructor(settings: DashboardSettings, request: Request, connection: Connection) {
    this.#settings = settings;
    this.#request = request;
    this.#message = connection.message;
    this.#isOnLoopback = settings.authorize === null && isOnLoopback(request, connection);
  }

  /** Asks for a right. Throws InvalidInputError when the application's answer is none. */
  async ask(right: Right, task: TaskInQuestion | null): Promise<Grant> {
    const { authorize, loopbackRights } = this.#settings;
    if (authorize === null) {
      return this.#isOnLoopback && loopbackRights.includes(right) ? SOMEBODY_HERE : null;
    }
    const answer: unknown = await authorize({ request: this.#request, right, task, message: this.#message });
    if (answer === null || answer === false) return null;
    if (answer instanceof Response || (typeof answer === "string" && answer !== "")) return answer;
    throw new InvalidInputError(
      "authorize",
      `answered ${shown(answer)}`,
      "answer the person's name, or null",
    );
  }

  /** Whether a right is granted. */
  async may(right: Right, task: TaskInQuestion | null): Promise<boolean> {
    return typeof (await this.ask(right, task)) === "string";
  }

  /** Those that the person may see. */
  async visible<Shown extends TaskInQuestion>(tasks: readonly Shown[]): Promise<readonly Shown[]> {
    if (this.#settings.authorize === null) return tasks; // whoever is here may see all
    const isSeen = await Promise.all(tasks.map((task) => this.may("view", inQuestion(task))));
    return tasks.filter((_, place) => isSeen[place] === true);
  }

  /** Throws Refusal unless the right is granted. */
  async demand(right: Right, task: TaskInQuestion | null): Promise<void> {
    if (await this.may(right, task)) return;
    throw new Refusal(403, "Not allowed", `You lack the right to ${rightWords[right]}.`);
  }
}

const rightWords: Readonly<Record<Right, string>> = {
  view: "see this",
  survey: "see figures over all tasks",
  reveal: "see the data of tasks",
  redrive: "redrive tasks",
  cancel: "cancel tasks",
  erase: "erase the data of tasks",
  metrics: "read the metrics",
  delete: "delete tasks",
};

/** The task as a right is asked for it. */
export function inQuestion({ taskId, type, referenceId }: TaskInQuestion): TaskInQuestion {
  return { taskId, type, referenceId };
}

/** True when both ends are this machine: the address, the name by which it was asked for, and no proxy in between. */
function isOnLoopback(request: Request, { remoteAddress }: Connection): boolean {
  if (remoteAddress === null || !isLoopbackAddress(remoteAddress)) return false;
  if (proxyHeaders.some((name) => request.headers.has(name))) return false;
  // Another site may have its own name lead to this machine (DNS rebinding); then the name is not one of ours.
  const { hostname } = new URL(request.url);
  return hostname === "localhost" || isLoopbackAddress(hostname.replace(/^\[(.*)\]$/, "$1"));
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(address);
}
