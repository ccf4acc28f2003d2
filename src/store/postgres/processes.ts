/** The registry of living processes. */
import type { BeatAnswer, ProcessRecord, RegisteredProcess, StoreCall } from "../contract.ts";
import { numberOf, textOf } from "./column.ts";
import type { OwnConnections } from "./connections.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter } from "./parameters.ts";
import { beat, registerProcess, removeProcess, showProcesses } from "./statements/process.ts";

/** Registers, beats, removes; one statement each. */
export class Processes {
  readonly #own: OwnConnections;
  readonly #statements;

  constructor(own: OwnConnections, names: Names) {
    this.#own = own;
    this.#statements = {
      register: registerProcess(names),
      beat: beat(names),
      remove: removeProcess(names),
      show: showProcesses(names),
    };
  }

  async register(process: ProcessRecord, call: StoreCall): Promise<Pick<BeatAnswer, "era">> {
    const [row] = await this.#own.rows(this.#statements.register, [
      process.owner,
      process.host,
      String(process.pid),
      process.types === "all" ? null : arrayParameter(process.types),
      String(process.slots),
      String(process.leaseMs),
      numberParameter(call.now),
    ]);
    return { era: row === undefined ? "" : textOf(row, "era") };
  }

  async beat(
    owner: string,
    dead: readonly { readonly owner: string; readonly beats: number }[],
    call: StoreCall,
  ): Promise<BeatAnswer> {
    const rows = await this.#own.rows(this.#statements.beat, [
      owner,
      arrayParameter(dead.map((one) => one.owner)),
      arrayParameter(dead.map((one) => one.beats)),
      numberParameter(call.now),
    ]);
    const of = (role: string) => rows.filter((row) => row["role"] === role);
    const [own] = of("own");
    return {
      alive: own !== undefined,
      beats: own === undefined ? 0 : numberOf(own, "beats"),
      era: own === undefined ? "" : textOf(own, "era"),
      declaredDead: of("dead").map((row) => textOf(row, "owner")),
      others: of("other").map((row) => ({
        owner: textOf(row, "owner"),
        beats: numberOf(row, "beats"),
        leaseMs: numberOf(row, "lease_ms"),
      })),
    };
  }

  async remove(owner: string): Promise<void> {
    await this.#own.rows(this.#statements.remove, [owner]);
  }

  async show(call: StoreCall): Promise<readonly RegisteredProcess[]> {
    const rows = await this.#own.rows(this.#statements.show, [numberParameter(call.now)]);
    return rows.map((row) => {
      const types = row["types"] ?? null;
      const beatAtMs = numberOf(row, "beat_ms");
      return {
        owner: textOf(row, "owner"),
        host: textOf(row, "host"),
        pid: numberOf(row, "pid"),
        types: types === null ? "all" : (JSON.parse(types) as readonly string[]),
        slots: numberOf(row, "slots"),
        leaseMs: numberOf(row, "lease_ms"),
        registeredAt: new Date(numberOf(row, "registered_ms")),
        beatAt: new Date(beatAtMs),
        silentForMs: Math.max(numberOf(row, "now_ms") - beatAtMs, 0),
      };
    });
  }
}
