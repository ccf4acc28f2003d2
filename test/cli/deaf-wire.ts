// A wire to a server that passes everything on but notifications, as a pooler does that prepares statements anew by itself.
import { once } from "node:events";
import { connect, createServer } from "node:net";

const NOTIFICATION = "A".charCodeAt(0);

/** Lays one; disposing of it cuts it. */
export async function deafWireTo(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let pending = Buffer.alloc(0);
    upstream.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      // Each message is a letter, and its length without the letter.
      while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
        const end = pending.readInt32BE(1) + 1;
        if (pending[0] !== NOTIFICATION) client.write(pending.subarray(0, end));
        pending = pending.subarray(end);
      }
    });
    client.pipe(upstream);
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.on("close", () => [client, upstream].forEach((one) => void one.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}
