/** Wake-ups by NOTIFY, sent from the store's own connections, and LISTEN, on a connection of its own. */
import pg from "pg";
import { StoreUnavailableError } from "../../errors.ts";
import { realPorts } from "../../ports/real-ports.ts";
import type { Listening, WakeUpEvents, WakeUps } from "../wake-ups.ts";
import { type OwnConnections, ownSettings } from "./connections.ts";
import { translated } from "./database-error.ts";
import { wakeUpChannel } from "./identifier.ts";
import type { CheckedOptions } from "./options.ts";
import { listenTo, notify } from "./statements/wake-ups.ts";

/** What the options leave switched on. */
export function wakeUpsOf(own: OwnConnections, options: CheckedOptions): WakeUps {
  const channel = wakeUpChannel(options.schema);
  const send = async (to: string): Promise<void> => void (await own.rows(notify, [to]));
  return {
    ...(options.notify ? { announce: () => send(channel) } : {}),
    ...(options.listen ? { listen: (events, signal) => listen(options, channel, send, events, signal) } : {}),
  };
}

async function listen(
  options: CheckedOptions,
  channel: string,
  send: (channel: string) => Promise<void>,
  events: WakeUpEvents,
  signal: AbortSignal,
): Promise<Listening | null> {
  if (options.pooler) return null;
  const client = new pg.Client(settingsOf(options));
  const own = `owed probe ${Buffer.from(realPorts.random.bytes(8)).toString("hex")}`;
  let heard: () => void = () => undefined;
  let isOver = false;
  const lost = (error?: unknown): void => {
    if (isOver) return;
    isOver = true;
    events.onLost(translated(error));
  };
  client.on("notification", (message) => {
    if (isOver) return;
    if (message.channel === own) heard();
    else events.onWake();
  });
  client.on("error", lost); // and stays, since a connection that is given up may still report the end of its socket
  client.on("end", () => lost());
  const close = (): void => {
    isOver = true;
    cut(client);
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    if (signal.aborted) throw new Error("given up");
    await client.connect();
    await client.query(listenTo([channel, own]));
  } catch (error) {
    close();
    throw new StoreUnavailableError("no connection that listens could be had", {
      cause: error,
      outcomeUnknown: false,
    });
  }
  return {
    async probe() {
      const answer = new Promise<void>((resolve) => {
        heard = resolve;
      });
      await send(own);
      return { heard: answer };
    },
  };
}

/** A session that is idle by its nature, even where the role ends idle ones. */
function settingsOf(options: CheckedOptions): pg.ClientConfig {
  const settings = ownSettings(options);
  return { ...settings, options: `${settings.options ?? ""} -c idle_session_timeout=0` };
}

/** A farewell waits for an answer, which a network that swallows everything never gives: the socket is destroyed. */
function cut(client: pg.Client): void {
  if ("connection" in client) client.connection.stream.destroy();
  else void (client as pg.Client).end().catch(() => undefined); // the native binding, which has no socket of its own
}
