/** Statements of wake-ups by NOTIFY and LISTEN. */
import { quoteIdentifier } from "../identifier.ts";
import type { Statement } from "./statement.ts";

/**
 * $1 channel. A transaction that notifies holds a lock of the whole cluster until its commit is on disk: without waiting
 * for the disk, and with nothing else in it, that is short. Never sent in a caller's transaction.
 */
export const notify: Statement = {
  name: "owed_notify",
  text: `select pg_notify($1, '')
where (select set_config('synchronous_commit', 'off', true)) = 'off'`,
};

/** Listens to all of these; one text, and so one round trip. */
export const listenTo = (channels: readonly string[]): string =>
  channels.map((channel) => `listen ${quoteIdentifier(channel)}`).join(";\n");
