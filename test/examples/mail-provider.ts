// A mail provider for services under test: it answers slowly, now and then with an error, and keeps what it has sent.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Long enough that a burst always has mails under way. */
const ANSWER_AFTER_MS = 150;
/** One in so many mails is refused at first. */
const REFUSED_ONCE_OF = 10;

/** A provider that listens. */
export interface MailProvider extends AsyncDisposable {
  readonly url: string;
  /** Idempotency keys of the mails whose acceptance was answered, each with how often. */
  readonly sent: ReadonlyMap<string, number>;
  /** Mails that were refused once. */
  readonly refused: number;
}

/** Starts one on a free port. */
export async function startMailProvider(): Promise<MailProvider> {
  const sent = new Map<string, number>();
  const asked = new Set<string>();
  let refused = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const key = String(request.headers["idempotency-key"]);
    request.resume();
    await sleep(ANSWER_AFTER_MS);
    // Whoever asked is gone: it does not know whether the mail was sent, and here it was not.
    if (response.destroyed) return;
    const isFirst = !asked.has(key);
    asked.add(key);
    if (isFirst && asked.size % REFUSED_ONCE_OF === 0) {
      refused += 1;
      response.writeHead(503).end();
      return;
    }
    sent.set(key, (sent.get(key) ?? 0) + 1);
    response.writeHead(202).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server has one once it listens
  return {
    url: `http://127.0.0.1:${port}/`,
    sent,
    get refused() {
      return refused;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
