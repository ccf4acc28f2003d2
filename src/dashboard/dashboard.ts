/** The dashboard: one function from a request to a response, which lets in, reads or acts, and always answers. */
import { IncomingMessage } from "node:http";
import { InvalidInputError, OwedError, SchemaMissingError, StoreUnavailableError } from "../errors.ts";
import { isRecord } from "../task/option-checks.ts";
import { Access, type Connection } from "./access.ts";
import { act } from "./actions/act.ts";
import { apply } from "./actions/apply.ts";
import { preview } from "./actions/preview.ts";
import { fileResponse, headOf, pageResponse } from "./answers.ts";
import { Audit } from "./audit.ts";
import { FiguresReader } from "./figures.ts";
import { pageFiles } from "./files.ts";
import { checkOrigin, FormTokens } from "./forgery.ts";
import { readForm } from "./form.ts";
import { barePage, layout, problemContent } from "./layout.ts";
import type { Markup } from "./markup.ts";
import { MetricsPage } from "./metrics.ts";
import { type DashboardOptions, type DashboardSettings, dashboardSettings } from "./options.ts";
import { auditPage } from "./pages/audit.ts";
import { failedPage } from "./pages/failed.ts";
import { findPage } from "./pages/find.ts";
import { overviewPage } from "./pages/overview.ts";
import { processesPage } from "./pages/processes.ts";
import { taskPage } from "./pages/task.ts";
import { tasksPage } from "./pages/tasks.ts";
import { typesPage } from "./pages/type-figures.ts";
import { notFound, Refusal } from "./refusal.ts";
import { StandingReader } from "./standing.ts";
import type { Visit } from "./visit.ts";

/** From a request to a response; never rejects. `connection` tells who is at the other end, where the server knows. */
export type DashboardHandler = (request: Request, connection?: unknown) => Promise<Response>;

const LONGEST_ADDRESS = 8_192;
/** Batches of long work that run at once; a person sends one after the other. */
const BATCHES_AT_ONCE = 2;

/** Where Prometheus finds what it scrapes. */
const METRICS = "metrics";

type Page = (visit: Visit) => Promise<Markup | Response>;

const pages: ReadonlyMap<string, Page> = new Map<string, Page>([
  ["", overviewPage],
  ["tasks", tasksPage],
  ["task", taskPage],
  ["failed", failedPage],
  ["types", typesPage],
  ["audit", auditPage],
  ["processes", processesPage],
  ["find", findPage],
]);

const actions: ReadonlyMap<string, (visit: Visit, form: URLSearchParams) => Promise<Response>> = new Map([
  ["act", act],
  ["preview", preview],
  ["apply", apply],
]);

/** Makes a dashboard. Throws InvalidInputError, above all when nothing says who may use it. */
export function dashboard(options: DashboardOptions): DashboardHandler {
  const desk = new Desk(dashboardSettings(options));
  return (request, connection) => desk.answer(request, connectionOf(connection));
}

/** Frameworks hand over other things as a second argument. */
function connectionOf(given: unknown): Connection {
  if (!isRecord(given)) return { remoteAddress: null, message: null };
  const { remoteAddress, message } = given;
  return {
    remoteAddress: typeof remoteAddress === "string" ? remoteAddress : null,
    message: message instanceof IncomingMessage ? message : null,
  };
}

/** What lasts from one request to the next. */
class Desk {
  readonly #settings: DashboardSettings;
  readonly #tokens: FormTokens;
  readonly #standing: StandingReader;
  readonly #figures: FiguresReader;
  readonly #audit: Audit;
  readonly #metrics: MetricsPage;
  #batches = 0;

  constructor(settings: DashboardSettings) {
    this.#settings = settings;
    this.#tokens = new FormTokens(settings.secret, () => settings.ports.clock.wallMs());
    this.#standing = new StandingReader(settings.store, settings.ports.clock);
    this.#figures = new FiguresReader(settings.store, settings.ports.clock);
    this.#audit = new Audit(settings.logger);
    this.#metrics = new MetricsPage(settings, (error) => this.#audit.failed(error));
  }

  async answer(request: Request, connection: Connection): Promise<Response> {
    let visit: Visit | null = null;
    const isHead = request.method === "HEAD";
    try {
      const url = new URL(request.url);
      if (!["GET", "HEAD", "POST"].includes(request.method)) throw wrongMethod();
      if (request.url.length > LONGEST_ADDRESS)
        throw new Refusal(414, "Too long", "The address is too long.");
      const path = this.#pathOf(url);
      if (path === METRICS) {
        const answer = await this.#scraped(request, connection);
        return isHead ? headOf(answer) : answer;
      }
      const entered = await this.#enter(request, connection, url);
      if (entered instanceof Response) return entered;
      visit = entered;
      const response = await this.#route(visit, request, path);
      return isHead ? headOf(response) : response;
    } catch (error) {
      const response = this.#problem(error, visit);
      return isHead ? headOf(response) : response;
    }
  }

  /** The path below the mount. Throws Refusal for one beside it. */
  #pathOf({ pathname }: URL): string {
    const { basePath } = this.#settings;
    if (pathname === basePath) return "";
    if (pathname.startsWith(`${basePath}/`)) return pathname.slice(basePath.length + 1);
    throw notFound("The dashboard is not here: the path of its mount is its option basePath.");
  }

  /** A program that scrapes has a right of its own, and no other. */
  async #scraped(request: Request, connection: Connection): Promise<Response> {
    if (request.method === "POST") throw wrongMethod();
    const grant = await new Access(this.#settings, request, connection).ask("metrics", null);
    if (grant instanceof Response) return grant;
    if (grant === null) throw new Refusal(403, "Not allowed", "You lack the right to read the metrics.");
    return await this.#metrics.answer();
  }

  async #enter(request: Request, connection: Connection, url: URL): Promise<Visit | Response> {
    const { store, ports, basePath } = this.#settings;
    const access = new Access(this.#settings, request, connection);
    const actor = await access.ask("view", null);
    if (actor instanceof Response) return actor;
    if (actor === null) throw new Refusal(403, "Not allowed", "You may not see this dashboard.");
    const surveys = await access.may("survey", null);
    return {
      store,
      ports,
      access,
      audit: this.#audit,
      actor,
      surveys,
      token: this.#tokens.of(actor),
      basePath,
      url,
      standing: () => this.#standing.read(),
      figures: (span, type) => this.#figures.read(span, type),
    };
  }

  async #route(visit: Visit, request: Request, path: string): Promise<Response> {
    const page = pages.get(path);
    const action = actions.get(path);
    const file = pageFiles.get(path);
    if (page === undefined && action === undefined && file === undefined) {
      throw notFound("There is no such page.");
    }
    const isPost = request.method === "POST";
    if (isPost !== (action !== undefined)) throw wrongMethod();
    if (action !== undefined) return await this.#act(visit, request, action, path);
    if (file !== undefined) return fileResponse(file.text, file.contentType);
    const answer = await page?.(visit);
    if (answer instanceof Response) return answer;
    if (answer === undefined) throw notFound("There is no such page.");
    return pageResponse(answer);
  }

  async #act(
    visit: Visit,
    request: Request,
    action: (visit: Visit, form: URLSearchParams) => Promise<Response>,
    path: string,
  ): Promise<Response> {
    checkOrigin(request, visit.url);
    const form = await readForm(request);
    this.#tokens.check(form.get("token") ?? "", visit.actor);
    if (path !== "apply") return await this.#changing(visit, form, action);
    if (this.#batches >= BATCHES_AT_ONCE) {
      throw new Refusal(
        429,
        "One moment",
        "Other long work is under way.",
        "Send the form again in a few seconds.",
      );
    }
    this.#batches += 1;
    try {
      return await this.#changing(visit, form, action);
    } finally {
      this.#batches -= 1;
    }
  }

  async #changing(
    visit: Visit,
    form: URLSearchParams,
    action: (visit: Visit, form: URLSearchParams) => Promise<Response>,
  ): Promise<Response> {
    try {
      return await action(visit, form);
    } finally {
      this.#standing.forget();
    }
  }

  #problem(error: unknown, visit: Visit | null): Response {
    const { status, title, message, remedy } = this.#explained(error);
    const headers: Record<string, string> = {};
    if (status === 405) headers["allow"] = "GET, HEAD, POST";
    if (status === 429 || status === 503) headers["retry-after"] = "5";
    if (visit === null) return pageResponse(barePage(title, message, remedy), status, headers);
    const content = problemContent(title, message, remedy, visit);
    return pageResponse(layout(visit, { title, page: null, content }), status, headers);
  }

  /** What may be told: never the text of an error that is not ours. */
  #explained(error: unknown): Pick<Refusal, "status" | "title" | "message" | "remedy"> {
    if (error instanceof Refusal) return error;
    if (error instanceof InvalidInputError && error.field !== "authorize") {
      return new Refusal(400, "That cannot be read", error.message);
    }
    this.#audit.failed(error);
    if (error instanceof StoreUnavailableError) {
      return new Refusal(
        503,
        "The database does not answer",
        "Nothing was changed, as far as is known.",
        "Try again in a moment.",
      );
    }
    if (error instanceof SchemaMissingError) {
      return new Refusal(
        503,
        "There are no tables",
        "The database holds no tables of this library, or older ones.",
        "Run: owed migrate",
      );
    }
    const ours =
      error instanceof OwedError ? `The error is ${error.code}.` : "Its error is in the application's log.";
    return new Refusal(500, "Something went wrong", ours);
  }
}

function wrongMethod(): Refusal {
  return new Refusal(405, "Not that way", "This address is not for that method.");
}
