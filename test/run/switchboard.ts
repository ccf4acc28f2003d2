// Wake-ups among the schedulers of one world, which a test can swallow, cut and refuse.
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Listening, WakeUpEvents, WakeUps } from "../../src/store/contract.ts";

/** Every announcement reaches every listener at once, unless the test says otherwise. */
export class Switchboard implements WakeUps {
  /** Announcements that were sent. */
  announced = 0;
  /** Probes that were sent. */
  probes = 0;
  /** How often somebody wanted to listen. */
  tries = 0;
  readonly listeners = new Set<WakeUpEvents>();
  /** `refusing`: no connection is to be had; `shared`: sessions are not kept apart; `mute`: no answer ever comes. */
  standing: "open" | "refusing" | "shared" | "mute" = "open";
  /** Nothing that is sent is heard. */
  isSilent = false;

  async announce(): Promise<void> {
    this.announced += 1;
    if (this.isSilent) return;
    for (const listener of this.listeners) listener.onWake();
  }

  async listen(events: WakeUpEvents, signal: AbortSignal): Promise<Listening | null> {
    this.tries += 1;
    if (this.standing === "shared") return null;
    if (this.standing === "refusing") {
      throw new StoreUnavailableError("no connection", { outcomeUnknown: false });
    }
    this.listeners.add(events);
    signal.addEventListener("abort", () => this.listeners.delete(events), { once: true });
    if (this.standing === "mute") return await new Promise(() => undefined);
    return {
      probe: async () => {
        this.probes += 1;
        return { heard: this.isSilent ? new Promise(() => undefined) : Promise.resolve() };
      },
    };
  }

  /** Cuts every connection that listens. */
  cut(): void {
    for (const listener of this.listeners) {
      this.listeners.delete(listener);
      listener.onLost(new StoreUnavailableError("the connection was lost", { outcomeUnknown: true }));
    }
  }
}
