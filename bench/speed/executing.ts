// Workers under measurement: started together, watched from outside, with what they and the server used.
import { setTimeout as delay } from "node:timers/promises";
import type { Arena } from "./arena.ts";
import type { Contestant } from "./contestants.ts";
import type { Member } from "./member.ts";
import type { Moments, Usage } from "./messages.ts";
import type { Place } from "./port.ts";

const LOOK_MS = 10;
/** Whoever has not begun by then will not. */
const BEGIN_MS = 30_000;

/** Several processes of one contestant that execute, and one that watches. */
export class Team implements AsyncDisposable {
  readonly contestant: Contestant;
  readonly members: readonly Member[];
  readonly place: Place;
  readonly #arena: Arena;
  readonly #observer: Member;
  #before: { readonly cpuMs: number; readonly serverMs: number | null } = { cpuMs: 0, serverMs: null };

  private constructor(arena: Arena, contestant: Contestant, place: Place, workers: number) {
    this.#arena = arena;
    this.contestant = contestant;
    this.place = place;
    this.members = Array.from({ length: workers }, () => arena.member(contestant.system));
    this.#observer = arena.member(contestant.system);
  }

  /** Processes that are loaded and do nothing yet. */
  static async gather(arena: Arena, contestant: Contestant, place: Place, workers: number): Promise<Team> {
    const team = new Team(arena, contestant, place, workers);
    try {
      await Promise.all([team.#observer, ...team.members].map((member) => member.usage()));
    } catch (error) {
      await team[Symbol.asyncDispose]();
      throw error;
    }
    return team;
  }

  /** All begin at the same moment; resolves with the first execution. */
  async begin(): Promise<bigint> {
    if (this.contestant.home === "postgres") await this.#arena.sql("checkpoint");
    this.#before = {
      cpuMs: (await this.#usages()).reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      serverMs: this.#arena.serverCpuMs(this.contestant),
    };
    await this.#work(false);
    const hasBegun = await this.until("it begins", () => this.executed > 0, BEGIN_MS);
    if (!hasBegun) throw new Error(`${this.contestant.name} executed nothing`);
    return this.firstNs;
  }

  /** All begin where there is no work yet; `starts` tells of each execution. */
  async listen(): Promise<void> {
    await this.#work(true);
  }

  /** When each task started. */
  async starts(): Promise<Moments> {
    const answers = await Promise.all(this.members.map((member) => member.ask({ do: "starts" })));
    return (answers as Moments[]).flat(); // as messages.ts says
  }

  /** Executions so far. */
  get executed(): number {
    return this.members.reduce((sum, { progress }) => sum + progress.executed, 0);
  }

  /** The first execution of any. */
  get firstNs(): bigint {
    const moments = this.members.map(({ progress }) => progress.firstNs).filter((atNs) => atNs > 0n);
    return moments.reduce((least, atNs) => (atNs < least ? atNs : least));
  }

  /** Waits for what these processes are to reach; answers whether it came in time. Rejects when one has ended. */
  async until(what: string, condition: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    while (!(await condition())) {
      if (this.members.some(({ isAlive }) => !isAlive)) {
        throw new Error(`${this.contestant.name}: a process ended before ${what}`);
      }
      if (performance.now() > endMs) return false;
      await delay(LOOK_MS);
    }
    return true;
  }

  /** Whether all is written down too. */
  async isDone(): Promise<boolean> {
    return (await this.#observer.ask({ do: "isDone", place: this.place })) === true;
  }

  /** Microseconds of CPU a task since they began, and the largest memory of one process. */
  async used(tasks: number): Promise<{ nodeUs: number; serverUs: number | null; megabytes: number }> {
    const serverMs = this.#arena.serverCpuMs(this.contestant);
    const usages = await this.#usages();
    const cpuMs = usages.reduce((sum, usage) => sum + usage.cpuMs, 0) - this.#before.cpuMs;
    const isKnown = serverMs !== null && this.#before.serverMs !== null;
    return {
      nodeUs: (cpuMs * 1_000) / tasks,
      serverUs: isKnown ? ((serverMs - (this.#before.serverMs ?? 0)) * 1_000) / tasks : null,
      megabytes: Math.max(...usages.map(({ peakMegabytes }) => peakMegabytes)),
    };
  }

  async #work(notes: boolean): Promise<void> {
    const { place } = this;
    await Promise.all(this.members.map((member) => member.ask({ do: "work", place, notes })));
  }

  async #usages(): Promise<readonly Usage[]> {
    return await Promise.all(this.members.map((member) => member.usage()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.#observer, ...this.members];
    await Promise.all(all.map((member) => member[Symbol.asyncDispose]()));
  }
}
