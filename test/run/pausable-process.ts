// A process that can be stopped and continued, as by SIGSTOP and SIGCONT: its timers and answers wait, its clock does not.
import type { Ports, Timer } from "../../src/ports/ports.ts";
import type { VirtualPorts } from "../../src/testing/index.ts";
import { everyMethod, type FaultyStore } from "./faulty-store.ts";
import { gate } from "./world.ts";

/** One process: give `ports` and the wire's store to its scheduler. */
export class PausableProcess {
  readonly ports: Ports;
  readonly wire: FaultyStore;
  #awake: { readonly opened: Promise<void>; open(): void } | null = null;

  constructor(world: VirtualPorts, wire: FaultyStore) {
    this.wire = wire;
    const after = (delayMs: number, callback: () => void, options?: object): Timer => {
      let isCancelled = false;
      const timer = world.timers.after(
        delayMs,
        () => void this.#whenAwake().then(() => isCancelled || callback()),
        options,
      );
      return {
        cancel: () => {
          isCancelled = true;
          timer.cancel();
        },
      };
    };
    this.ports = { clock: world.clock, random: world.random, timers: { after } };
    wire.fault(everyMethod, async (carryOut) => {
      await this.#whenAwake();
      try {
        return await carryOut();
      } finally {
        await this.#whenAwake();
      }
    });
  }

  /** Takes time of this process: it goes on only while the process does. */
  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.ports.timers.after(durationMs, resolve));
  }

  pause(): void {
    this.#awake ??= gate();
  }

  resume(): void {
    this.#awake?.open();
    this.#awake = null;
  }

  async #whenAwake(): Promise<void> {
    while (this.#awake !== null) await this.#awake.opened;
  }
}
