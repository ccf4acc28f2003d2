/** The merchant: a slow HTTP endpoint that refuses every third call, and keeps its own record of what it accepted. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { plan } from "./plan.ts";

/** The endpoint. It outlives the kills of the service, and takes no word of the service's for what it received. */
export class Merchant {
  readonly #server: Server;
  readonly #accepted = new Map<string, number>();
  #calls = 0;
  #refused = 0;
  #inFlight = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#inFlight += 1;
      this.#answer(request, response)
        .catch(() => response.destroy())
        .finally(() => {
          this.#inFlight -= 1;
        });
    });
  }

  /** Starts to listen on a free port of this machine; answers the address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const { port } = this.#server.address() as AddressInfo; // a TCP server has one once it listens
    return `http://127.0.0.1:${port}/webhooks`;
  }

  /** How often each Idempotency-Key was accepted. */
  get accepted(): ReadonlyMap<string, number> {
    return this.#accepted;
  }

  /** Calls answered with 500. */
  get refused(): number {
    return this.#refused;
  }

  /** Calls that have arrived and are not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Stops at once. */
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#calls += 1;
    const isRefused = this.#calls % plan.merchantRefusesEvery === 0;
    const key = request.headers["idempotency-key"];
    request.resume();
    const { least, most } = plan.merchantDelayMs;
    await sleep(least + Math.random() * (most - least));
    // From here on the merchant has the webhook, whether or not anybody is left to hear the answer.
    if (isRefused || typeof key !== "string") {
      this.#refused += 1;
      response.writeHead(500).end();
      return;
    }
    this.#accepted.set(key, (this.#accepted.get(key) ?? 0) + 1);
    response.writeHead(204).end();
  }
}
