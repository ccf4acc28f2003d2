/** Taking a client out of a pool without a moment in which its error could end the process. */
import type pg from "pg";
import { StoreUnavailableError } from "../../errors.ts";

/** A client with a listener for its errors; its statements report them themselves. */
export interface CheckedOut {
  readonly client: pg.PoolClient;
  /** Takes the listener off again: for a client that goes back whole. A destroyed one may still report the end of its socket. */
  readonly forgetErrors: () => void;
}

/**
 * Takes a client. The listener is set inside the pool's callback: one chunk from the socket can hold both the end of the
 * connect and the server's farewell, and a promise would go on only after both had been read (F20).
 * Rejects with StoreUnavailableError.
 */
export function checkOut(pool: pg.Pool): Promise<CheckedOut> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        const options = { cause: error, outcomeUnknown: false };
        reject(new StoreUnavailableError("no connection to Postgres could be had", options));
        return;
      }
      const ignore = (): void => undefined;
      client.on("error", ignore);
      resolve({ client, forgetErrors: () => client.off("error", ignore) });
    });
  });
}
