// What was done to a run, in the words of the checker. Rig and databases share a machine, and thereby a clock.
import type { NemesisEvent } from "../checker/history.ts";

/** The driver's part of the history. */
export class NemesisLog {
  readonly events: NemesisEvent[] = [];

  /** Notes a deed, before it is done if it harms, after it is done if it heals. */
  note(action: NemesisEvent["action"]): NemesisEvent {
    const event = { atMs: Date.now(), action };
    this.events.push(event);
    return event;
  }

  /** How often something was done. */
  count(kind: NemesisEvent["action"]["kind"]): number {
    return this.events.filter(({ action }) => action.kind === kind).length;
  }
}
