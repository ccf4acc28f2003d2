// A dashboard on a store of each kind, with tasks in every state, and a person who uses it as a browser would.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  confirmation,
  failure,
  newTask,
  processId,
  processRecord,
  recordedError,
} from "../../src/conformance/scene.ts";
import { seenValue } from "../../src/dashboard/form.ts";
import { type DashboardHandler, type DashboardOptions, dashboard } from "../../src/dashboard/index.ts";
import type { ClaimRequest, NewTask, Store } from "../../src/store/contract.ts";
import { memoryStore } from "../../src/store/memory/index.ts";
import type { ClaimedTask } from "../../src/task/task.ts";
import type { TelemetryEvents } from "../../src/telemetry/channels.ts";
import { openPlace } from "../cli/kinds.ts";

/** The stores. */
export const stores = ["memory", "SQLite", "Postgres"] as const;

/** The process that executes in these scenes. */
export const OWNER: string = processId(1);

/** A store, and ways to bring its tasks into each state. */
export interface Scene extends AsyncDisposable {
  readonly store: Store;
  /** How the command finds it; nothing for a store in memory. */
  readonly env: Readonly<Record<string, string>>;
  enqueue(tasks: readonly NewTask[]): Promise<void>;
  /** Claims all that is due, and fails it for good. */
  failAll(message?: string, unusual?: Partial<ReturnType<typeof recordedError>>): Promise<void>;
  confirmAll(): Promise<void>;
}

/** Opens a store with one process registered. */
export async function openScene(kind: (typeof stores)[number] = "memory"): Promise<Scene> {
  const place = kind === "memory" ? null : await openPlace(kind);
  const store = place?.store ?? (memoryStore() as unknown as Store); // the scenes pass it transactions of its own only
  await store.register(processRecord(OWNER, { host: "web-1", pid: 4211, types: ["mail", "hook"] }));
  let claims = 0;
  const claimAll = async (): Promise<readonly ClaimedTask[]> => {
    claims += 1;
    const request: ClaimRequest = {
      owner: OWNER,
      claim: claims,
      types: "all",
      limit: 10_000,
      maxBytes: 1_000_000_000,
      suspectLimit: 100,
      alone: false,
      liveClaims: [],
    };
    return (await store.claim(request)).tasks;
  };
  return {
    store,
    env: place?.env ?? {},
    async enqueue(tasks) {
      const own = await store.begin();
      await store.insert(own.transaction, tasks, null);
      await own.commit();
    },
    async failAll(message = "the mailbox is gone", unusual = {}) {
      const error = {
        ...recordedError(message),
        code: "E410",
        stack: "Error: gone\n    at mail.ts:7",
        ...unusual,
      };
      const settlements = (await claimAll()).map((task) => failure(task, { error }));
      await store.settle(settlements);
    },
    async confirmAll() {
      await store.settle((await claimAll()).map(confirmation));
    },
    async [Symbol.asyncDispose]() {
      if (place === null) await store.close();
      else await place[Symbol.asyncDispose]();
    },
  };
}

/** One task that failed, one that was cancelled, one that is pending, each called so. */
export async function openThreeTasks(): Promise<Scene> {
  const scene = await openScene();
  await scene.enqueue([mail("failed"), mail("cancelled")]);
  await scene.store.cancel("cancelled");
  await scene.failAll();
  await scene.enqueue([mail("pending")]);
  return scene;
}

/** A task of the type "mail" with a reference. */
export function mail(taskId: string, unusual: Partial<NewTask> = {}): NewTask {
  return newTask(taskId, { type: "mail", referenceId: `order-${taskId}`, ...unusual });
}

/** What a browser was answered. */
export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** As people read it: without tags, entities undone, white space as one space. */
  readonly text: string;
}

const ORIGIN = "http://localhost:3000";

/** Somebody with a browser in front of a dashboard. */
export class Visitor {
  readonly handler: DashboardHandler;
  readonly base: string;

  constructor(handler: DashboardHandler, base = "") {
    this.handler = handler;
    this.base = base;
  }

  async get(path: string, init: RequestInit = {}): Promise<Page> {
    return await pageOf(await this.handler(new Request(`${ORIGIN}${this.base}/${path}`, init)));
  }

  /** Sends a form, as a browser that was shown it. */
  async post(
    path: string,
    form: URLSearchParams | string,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const request = new Request(`${ORIGIN}${this.base}/${path}`, {
      method: "POST",
      body: form.toString(),
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
        ...headers,
      },
    });
    return await pageOf(await this.handler(request));
  }

  /** Presses the button of that label on a page, with these boxes ticked, and follows where it leads. */
  async press(page: Page, label: string, ticked: readonly string[] = []): Promise<Page> {
    const { action, fields } = formWith(page.html, label);
    for (const value of ticked) fields.append("seen", value);
    const answer = await this.post(action.slice(this.base.length + 1), fields);
    const location = answer.headers.get("location");
    return location === null ? answer : await this.get(location.slice(this.base.length + 1));
  }
}

/** A dashboard on a store for a person with all rights, unless the options say otherwise. */
export function visitorOf({ store }: Scene, options: Partial<DashboardOptions> = {}, base = ""): Visitor {
  const all = { store, authorize: () => "ann", basePath: base, ...options } as DashboardOptions; // a test names options that go together
  return new Visitor(dashboard(all), base);
}

async function pageOf(response: Response): Promise<Page> {
  const html = await response.text();
  return { status: response.status, headers: response.headers, html, text: readable(html) };
}

function readable(html: string): string {
  const text = html.replace(/<head>[^]*<\/head>/, " ").replace(/<[^>]*>/g, " ");
  return unescaped(text).replace(/\s+/g, " ").trim();
}

/** Undoes the entities. */
export function unescaped(html: string): string {
  return html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

/** The form that has a button of that label: where it goes, and its hidden fields. */
export function formWith(
  html: string,
  label: string,
): { readonly action: string; readonly fields: URLSearchParams } {
  for (const [, action, inside = ""] of html.matchAll(
    /<form method="post" action="([^"]*)"[^>]*>([^]*?)<\/form>/g,
  )) {
    const button = [...inside.matchAll(/<button([^>]*)>([^]*?)<\/button>/g)].find(
      ([, , text]) => text === label,
    );
    if (button === undefined) continue;
    const fields = new URLSearchParams();
    for (const [, name = "", value = ""] of inside.matchAll(
      /<input type="hidden" name="([^"]*)" value="([^"]*)">/g,
    )) {
      fields.append(name, unescaped(value));
    }
    const [, name, value] = /name="([^"]*)" value="([^"]*)"/.exec(button[1] ?? "") ?? [];
    if (name !== undefined) fields.append(name, value ?? "");
    return { action: unescaped(action ?? ""), fields };
  }
  throw new Error(`there is no button "${label}"`);
}

/** The box of a task in its first generation. */
export function boxOf(taskId: string, generation = 1): string {
  return seenValue({ taskId, generation });
}

/** What people did while `work` ran, as it was told. */
export async function actsDuring(work: () => Promise<unknown>): Promise<TelemetryEvents["operator.acted"][]> {
  const acts: TelemetryEvents["operator.acted"][] = [];
  const note = (message: unknown): void => void acts.push(message as TelemetryEvents["operator.acted"]);
  subscribe("owed:operator.acted", note);
  try {
    await work();
  } finally {
    unsubscribe("owed:operator.acted", note);
  }
  return acts;
}

/** Where forms go. */
export const everyAction = ["act", "preview", "apply"] as const;

/** The token of the forms of a page. */
export function tokenOf(page: Page): { readonly token: string } {
  return { token: /name="token" value="([^"]*)"/.exec(page.html)?.[1] ?? "" };
}
