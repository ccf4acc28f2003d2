/** Names of prepared statements on the user's connections, where a session keeps what it has prepared. */
import { createHash } from "node:crypto";

/** What the driver tells of its connection; not every driver has one. */
interface Connection {
  on?(event: "commandComplete", listener: (message: { readonly text?: unknown }) => void): unknown;
}

/** Tags of commands after which the server knows nothing any more of what the driver takes for prepared. */
const forgetting = /^(?:DISCARD ALL|DEALLOCATE)/;

/**
 * Gives names to statements: the server then plans each once for a connection. None where the user has thrown prepared
 * statements away, which the driver does not notice: the statement would fail, and abort the user's transaction.
 */
export class PreparedStatements {
  readonly #names = new Map<string, string>();
  /** Connections that were given a name, and whether they may be given another. */
  readonly #clients = new WeakMap<object, boolean>();

  /** The name under which a client may prepare this statement; null when it must not. */
  nameFor(client: object, text: string): string | null {
    const isKept = this.#clients.get(client) ?? this.#watch(client);
    if (!isKept) return null;
    let name = this.#names.get(text);
    if (name === undefined) {
      // By its text, since several stores may share a pool.
      name = `owed_${createHash("sha256").update(text, "utf8").digest("hex").slice(0, 24)}`;
      this.#names.set(text, name);
    }
    return name;
  }

  #watch(client: object): boolean {
    const { connection } = client as { readonly connection?: Connection };
    const isWatched = typeof connection?.on === "function";
    this.#clients.set(client, isWatched);
    connection?.on?.("commandComplete", ({ text }) => {
      if (typeof text === "string" && forgetting.test(text)) this.#clients.set(client, false);
    });
    return isWatched;
  }
}
