/** `/metrics`: what Prometheus scrapes, of this process and of the store. Nothing is counted before the first scrape. */
import { Gauges, type Statistics } from "../telemetry/gauges.ts";
import { PROMETHEUS_CONTENT_TYPE, PrometheusSink } from "../telemetry/prometheus.ts";
import { recordInto } from "../telemetry/recorder.ts";
import { textResponse } from "./answers.ts";
import type { DashboardSettings } from "./options.ts";

/** What is kept from one scrape to the next. */
interface Counting {
  readonly sink: PrometheusSink;
  readonly gauges: Gauges;
}

/** Answers scrapes. */
export class MetricsPage {
  readonly #settings: DashboardSettings;
  readonly #failed: (error: unknown) => void;
  #counting: Counting | null = null;

  /** @param failed told of what goes wrong beside a scrape */
  constructor(settings: DashboardSettings, failed: (error: unknown) => void) {
    this.#settings = settings;
    this.#failed = failed;
  }

  /** The page. It answers without the gauges of the store when that does not. */
  async answer(): Promise<Response> {
    this.#counting ??= this.#begin();
    const { sink, gauges } = this.#counting;
    return textResponse(sink.text(await gauges.read()), PROMETHEUS_CONTENT_TYPE);
  }

  #begin(): Counting {
    const { store, scheduler, ports } = this.#settings;
    const sink = new PrometheusSink();
    recordInto(sink, ports.clock, this.#failed);
    const statistics = async (): Promise<Statistics> => {
      const counts = scheduler === null ? await store.statistics() : await scheduler.stats();
      // Those who died last stay registered: nobody is left to declare them dead.
      const live = (await store.processes()).filter(({ silentForMs, leaseMs }) => silentForMs <= leaseMs);
      return { ...counts, processes: live.length };
    };
    return { sink, gauges: new Gauges(ports, statistics, true) };
  }
}
