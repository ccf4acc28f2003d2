// A server that says in one packet that a connection is ready and that it is over: a backend terminated as it was born.
import { createServer, type Server } from "node:net";

/** A running one. */
export interface CurtServer extends AsyncDisposable {
  readonly port: number;
  /** Connections answered so far. */
  readonly answered: () => number;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const authenticated = message("R", Buffer.alloc(4));
const ready = message("Z", Buffer.from("I"));
const terminated = message(
  "E",
  Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"),
);

/** Starts it on a free port. */
export async function startCurtServer(): Promise<CurtServer> {
  let answered = 0;
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      answered += 1;
      socket.end(Buffer.concat([authenticated, ready, terminated]));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return {
    port: address.port,
    answered: () => answered,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
