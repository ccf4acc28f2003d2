// A TCP proxy between a process and its database: passes, delays, swallows, cuts, on demand or at a message.
import { connect, createServer, type Server, type Socket } from "node:net";
import { MessageReader } from "./wire-messages.ts";

/** What happens to the bytes of one direction. */
export type Treatment = "pass" | "drop" | { readonly delayMs: number };

/** Direction of bytes. */
export type Direction = "toServer" | "toClient";

/** What happens at a message. */
export type Deed =
  /** It is passed on, and nothing that the server answers reaches the client: its connection ends instead. */
  | "swallow-reply"
  /** It never arrives, and from then on nothing passes on that connection, either way. */
  | "black-hole"
  /** It never arrives, and the connection ends. */
  | "cut"
  /** It is passed on; only the moment is wanted. */
  | "note"
  /** It is passed on, and its connection is one of those that `blackHoleMarked` takes away. */
  | "mark";

/** The statement that commits, to its end, so that a setting whose name ends like it is not taken for it. */
export const COMMIT = "commit\0";

/** A message to the server that something is to happen at. */
export interface Trigger {
  /** Text that stands in it, in any case: COMMIT, or the name of a prepared statement. */
  readonly text: string;
  /** Which of them, counted from now. Default: the first. */
  readonly nth?: number;
  readonly deed: Deed;
}

/** A message that has not come by then will not: statements are renamed, and a run must not hang for it. */
const TRIGGER_LIMIT_MS = 60_000;

interface Armed extends Trigger {
  left: number;
  readonly fire: () => void;
}

/** One connection through the proxy. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isBlackHole: boolean;
  isMarked: boolean;
  swallowsReply: boolean;
  isCut: boolean;
}

/** A proxy on a port of its own. */
export class Proxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #treatments: Record<Direction, Treatment> = { toServer: "pass", toClient: "pass" };
  readonly #armed = new Set<Armed>();
  #refuses = false;
  #accepted = 0;
  #timers = new Set<NodeJS.Timeout>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#target = { host: "127.0.0.1", port };
    server.on("connection", (client) => this.#accept(client));
  }

  /** Opens a proxy before a port of this machine. */
  static async before(port: number): Promise<Proxy> {
    const server = createServer({ noDelay: true });
    const proxy = new Proxy(server, port);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  /** Where clients connect to. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The proxy is closed.");
    return address.port;
  }

  /** Connections accepted so far: how often clients came anew. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that stand. */
  get open(): number {
    return this.#links.size;
  }

  /** Treats all bytes of a direction so from now on, of old and new connections alike. */
  treat(direction: Direction, treatment: Treatment): void {
    this.#treatments[direction] = treatment;
  }

  /** Nothing passes any more, either way, and nobody is told: the network is gone. */
  blackHole(): void {
    this.treat("toServer", "drop");
    this.treat("toClient", "drop");
  }

  /** Nothing passes any more on the connections that were marked, and nobody is told. */
  blackHoleMarked(): void {
    for (const link of this.#links) if (link.isMarked) link.isBlackHole = true;
  }

  /** Everything passes again. Connections that lost bytes are broken for good, and end. */
  heal(): void {
    const hadLosses = Object.values(this.#treatments).includes("drop");
    this.treat("toServer", "pass");
    this.treat("toClient", "pass");
    this.#refuses = false;
    for (const link of this.#links) if (hadLosses || link.isBlackHole) this.#end(link);
  }

  /** Ends all connections. */
  cut(): void {
    for (const link of this.#links) this.#end(link);
  }

  /** Ends all connections, and each new one at once, until it is healed. */
  refuse(): void {
    this.#refuses = true;
    this.cut();
  }

  /** Arms a deed at a message to the server; resolves when it has happened. */
  when(trigger: Trigger): Promise<void> {
    const reached = new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(new Error(`no message with "${trigger.text}" came within ${TRIGGER_LIMIT_MS} ms`));
      const timer = setTimeout(late, TRIGGER_LIMIT_MS);
      this.#timers.add(timer);
      const fire = (): void => {
        clearTimeout(timer);
        this.#timers.delete(timer);
        resolve();
      };
      this.#armed.add({ ...trigger, left: trigger.nth ?? 1, fire });
    });
    reached.catch(() => undefined); // whoever waits is told
    return reached;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    for (const timer of this.#timers) clearTimeout(timer);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    client.on("error", () => undefined);
    if (this.#refuses) return void client.destroy();
    const server = connect({ ...this.#target, noDelay: true });
    const link: Link = {
      client,
      server,
      isBlackHole: false,
      isMarked: false,
      swallowsReply: false,
      isCut: false,
    };
    this.#links.add(link);
    server.on("error", () => this.#end(link));
    client.on("close", () => this.#hungUp(link, "toServer"));
    server.on("close", () => this.#hungUp(link, "toClient"));
    const reader = new MessageReader();
    client.on("data", (bytes) => {
      const passed = this.#armed.size === 0 ? reader.skip(bytes) : this.#inspect(link, reader, bytes);
      if (passed.length > 0) this.#pass(link, "toServer", passed);
      if (link.isCut) this.#end(link);
    });
    server.on("data", (bytes) => {
      if (link.swallowsReply) this.#end(link);
      else this.#pass(link, "toClient", bytes);
    });
  }

  /** Looks at each whole message; answers what is to be passed on. */
  #inspect(link: Link, reader: MessageReader, bytes: Buffer): Buffer {
    const passed: Buffer[] = [];
    for (const message of reader.take(bytes)) {
      if (link.isCut) break;
      const armed = this.#matching(message);
      if (armed === null) {
        passed.push(message);
        continue;
      }
      this.#armed.delete(armed);
      if (armed.deed !== "black-hole" && armed.deed !== "cut") passed.push(message);
      if (armed.deed === "mark") link.isMarked = true;
      if (armed.deed === "swallow-reply") link.swallowsReply = true;
      if (armed.deed === "black-hole") link.isBlackHole = true;
      if (armed.deed === "cut") link.isCut = true;
      queueMicrotask(armed.fire);
    }
    return Buffer.concat(passed);
  }

  #matching(message: Buffer): Armed | null {
    for (const armed of this.#armed) {
      if (!message.toString("latin1").toLowerCase().includes(armed.text.toLowerCase())) continue;
      armed.left -= 1;
      if (armed.left === 0) return armed;
    }
    return null;
  }

  #pass(link: Link, direction: Direction, bytes: Buffer): void {
    const treatment = this.#treatments[direction];
    const to = direction === "toServer" ? link.server : link.client;
    if (link.isBlackHole || treatment === "drop") return;
    if (treatment === "pass") return void to.write(bytes);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!to.destroyed) to.write(bytes);
    }, treatment.delayMs);
    this.#timers.add(timer);
  }

  /** In a black hole the end of a connection does not come through either. */
  #hungUp(link: Link, direction: Direction): void {
    if (link.isBlackHole || this.#treatments[direction] === "drop") return;
    this.#links.delete(link);
    // What was written last, such as the reason of the end, arrives before it.
    link.client.destroySoon();
    link.server.destroySoon();
  }

  #end(link: Link): void {
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroySoon(); // what was passed on before arrives
  }
}
