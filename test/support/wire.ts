// A wire to a server that can be turned into a black hole.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A wire; its end cuts all connections. */
export interface Wire extends AsyncDisposable {
  readonly connectionString: string;
  /** While true nothing passes, and nobody is told. */
  setHole(isHole: boolean): void;
}

/** Lays a wire to the server of a connection string. */
export async function wireTo(connectionString: string): Promise<Wire> {
  const target = new URL(connectionString);
  const sockets = new Set<Socket>();
  let isHole = false;
  // Half open: otherwise a farewell would be answered here, even from within the hole.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => isHole || to.write(chunk));
      from.on("end", () => isHole || to.end());
      from.on("close", () => isHole || to.destroy());
      from.on("error", () => undefined);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === "object" ? address?.port : "");
  return {
    connectionString: url.href,
    setHole: (value) => {
      isHole = value;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
