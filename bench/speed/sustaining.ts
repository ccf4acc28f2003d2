// Workers that never run out of work: what they execute is enqueued anew, by another process.
import { setTimeout as delay } from "node:timers/promises";
import type { Arena } from "./arena.ts";
import type { Contestant } from "./contestants.ts";
import { Team } from "./executing.ts";
import { nowNs, type Place } from "./port.ts";

/** The feeder is told of executions this often. */
const TELL_MS = 10;

/** A team and its feeder at work. */
export class Sustained implements AsyncDisposable {
  readonly team: Team;
  readonly #telling: AbortController;
  readonly #stop: () => Promise<void>;

  private constructor(team: Team, telling: AbortController, stop: () => Promise<void>) {
    this.team = team;
    this.#telling = telling;
    this.#stop = stop;
  }

  /** One process executes, one keeps as many tasks waiting as were there. */
  static async begin(
    arena: Arena,
    contestant: Contestant,
    place: Place,
    waiting: number,
  ): Promise<Sustained> {
    const team = await Team.gather(arena, contestant, place, 1);
    const feeder = arena.member(contestant.system);
    const telling = new AbortController();
    const stop = async (): Promise<void> => {
      await feeder[Symbol.asyncDispose]();
      await team[Symbol.asyncDispose]();
    };
    try {
      await feeder.ask({ do: "feed", place, waiting });
      await team.begin();
    } catch (error) {
      await stop();
      throw error;
    }
    void (async () => {
      while (!telling.signal.aborted) {
        await feeder.ask({ do: "executed", count: team.executed });
        await delay(TELL_MS);
      }
    })().catch(() => telling.abort());
    return new Sustained(team, telling, stop);
  }

  /** Tasks a second over a time. Rejects when the feeder or a worker has ended. */
  async rate(overMs: number): Promise<number> {
    const { team } = this;
    const before = team.executed;
    const startNs = nowNs();
    await team.until("the time is over", () => this.#telling.signal.aborted, overMs);
    if (this.#telling.signal.aborted)
      throw new Error(`${team.contestant.name}: nothing is enqueued any more`);
    return (team.executed - before) / (Number(nowNs() - startNs) / 1e9);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#telling.abort();
    await this.#stop();
  }
}
