/** Listens on the channels, so that what goes wrong in a listener harms nobody. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { TelemetryEvents } from "./channels.ts";

/** What to do on which event. */
export type Listeners = {
  readonly [Name in keyof TelemetryEvents]?: (event: TelemetryEvents[Name]) => void;
};

/**
 * Listens until the function that it answers is called. What a listener throws goes to `failed`: the runtime would end the
 * process for it.
 */
export function listen(listeners: Listeners, failed: (error: unknown) => void): () => void {
  const entries = Object.entries(listeners).map(([name, listener]) => {
    const told = listener as (event: unknown) => void; // each channel carries its own event and nothing else
    const guarded = (event: unknown): void => {
      try {
        told(event);
      } catch (error) {
        failed(error);
      }
    };
    return [`owed:${name}`, guarded] as const;
  });
  for (const [channel, listener] of entries) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of entries) unsubscribe(channel, listener);
  };
}
