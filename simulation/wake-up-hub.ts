// Wake-ups between processes: they come late, twice or never; a connection that hears them is lost, goes deaf, or never hears.
import type { Listening, WakeUpEvents, WakeUps } from "../src/store/contract.ts";
import { Draw } from "./draw.ts";
import type { PlannedWakeUps } from "./plan.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Wire, WireParts } from "./wire.ts";
import { unavailable } from "./wire-transaction.ts";

/** A connection that listens, as the database sees it. */
interface Ear {
  readonly process: SimulatedProcess;
  readonly events: WakeUpEvents;
  readonly luck: Draw;
  /** From then on it hears nothing, and nobody is told. */
  readonly deafFromMs: number;
}

/** A connection that goes deaf does so within this time. */
const LONGEST_HEARING_MS = 30_000;
/** A wake-up that is late comes within this time. */
const LATEST_MS = 3_000;

/** All connections that listen. */
export class WakeUpHub {
  readonly #planned: PlannedWakeUps | null;
  readonly #ears = new Set<Ear>();
  #calls = 0;

  constructor(planned: PlannedWakeUps | undefined) {
    this.#planned = planned ?? null;
  }

  /** Connections that listen now. */
  get ears(): number {
    return this.#ears.size;
  }

  /** What a process holds for wake-ups; undefined where the plan has none. */
  wakeUpsOf(wire: Wire): WakeUps | undefined {
    const planned = this.#planned;
    if (planned === null) return undefined;
    const announce = (): Promise<void> =>
      this.#send(wire, () => {
        for (const ear of this.#ears) this.#wake(wire.parts, ear, wire.process);
      });
    if (!planned.listen) return { announce };
    return { announce, listen: (events, signal) => this.#listen(wire, planned, events, signal) };
  }

  /** The database closes all connections. */
  loseAll({ agenda, recorder, network }: WireParts): void {
    for (const ear of this.#ears) {
      const { process, luck, events } = ear;
      this.#ears.delete(ear);
      if (process.isCut) continue; // the word does not reach it
      agenda.after(luck.between(network.leastMs, network.mostMs), process, () => {
        recorder.note("listener lost");
        events.onLost(unavailable(false));
      });
    }
  }

  /** A call of its own, apart from those over the wire, so that plans without wake-ups keep their luck. */
  #send(wire: Wire, deed: () => void): Promise<void> {
    const { process, parts } = wire;
    const { agenda, server, network, seed, hasFaults } = parts;
    if (!process.isAlive) return new Promise(() => undefined);
    this.#calls += 1;
    const luck = new Draw(seed, 8, process.node, process.boot, this.#calls);
    const hop = (): number => luck.between(network.leastMs, network.mostMs);
    const isLost = hasFaults && luck.chance(this.#planned?.lost ?? 0);
    const answers = luck.chance(0.5);
    return new Promise((resolve, reject) => {
      const fails = (delayMs: number): void =>
        void agenda.after(delayMs, process, () => reject(unavailable(true)));
      if (process.isCut) return fails(network.timeoutMs);
      agenda.after(hop(), null, () => {
        if (server.standing !== "up") return fails(hop());
        if (!isLost) deed();
        if (isLost && !answers) return fails(hop());
        agenda.after(hop(), process, resolve);
      });
    });
  }

  async #listen(
    wire: Wire,
    planned: PlannedWakeUps,
    events: WakeUpEvents,
    signal: AbortSignal,
  ): Promise<Listening | null> {
    const { parts, process } = wire;
    const luck = new Draw(parts.seed, 9, process.node, process.boot, this.#calls);
    await this.#send(wire, () => undefined);
    if (planned.pooler === "known") return null;
    const isDeaf = planned.pooler === "unknown";
    const goesDeaf = parts.hasFaults && luck.chance(planned.deaf);
    const hearsForMs = goesDeaf ? luck.between(0, LONGEST_HEARING_MS) : Number.POSITIVE_INFINITY;
    const deafFromMs = isDeaf ? 0 : parts.agenda.nowMs + hearsForMs;
    const ear: Ear = { process, events, luck, deafFromMs };
    if (signal.aborted) throw unavailable(false);
    signal.addEventListener("abort", () => {
      if (this.#ears.delete(ear) && parts.agenda.nowMs >= deafFromMs)
        parts.recorder.note("deaf listener closed");
    });
    this.#ears.add(ear);
    return { probe: () => this.#probe(wire, ear) };
  }

  async #probe(wire: Wire, ear: Ear): Promise<{ readonly heard: Promise<void> }> {
    let come = (): void => undefined;
    const heard = new Promise<void>((resolve) => {
      come = resolve;
    });
    await this.#send(wire, () => this.#wake(wire.parts, ear, wire.process, () => come()));
    return { heard };
  }

  /** One wake-up on its way to one connection. */
  #wake(parts: WireParts, ear: Ear, from: SimulatedProcess, heard = (): void => undefined): void {
    const { agenda, network, recorder, hasFaults } = parts;
    const { process, luck, events, deafFromMs } = ear;
    if (!process.isAlive) return void this.#ears.delete(ear);
    const isDeaf = process.isCut || agenda.nowMs >= deafFromMs;
    if (isDeaf || (hasFaults && luck.chance(this.#planned?.lost ?? 0))) return recorder.note("wake-up lost");
    const lateMs = luck.chance(0.1) ? luck.between(0, LATEST_MS) : 0;
    const times = luck.chance(0.1) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      agenda.after(luck.between(network.leastMs, network.mostMs) + lateMs, process, () => {
        if (!this.#ears.has(ear)) return;
        if (from !== process) recorder.note("woken by another process");
        heard();
        events.onWake();
      });
    }
  }
}
