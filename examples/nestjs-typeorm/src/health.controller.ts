// GET /health, for a load balancer and a person: does the database answer, does the scheduler run, what is left to do.
import { Controller, Get, Inject, ServiceUnavailableException } from "@nestjs/common";
import { Scheduler } from "owed";
import type { ShopScheduler } from "./scheduler/scheduler.module.ts";

/** Health over HTTP. */
@Controller("health")
export class HealthController {
  readonly #scheduler: ShopScheduler;

  constructor(@Inject(Scheduler) scheduler: ShopScheduler) {
    this.#scheduler = scheduler;
  }

  @Get()
  async tell(): Promise<object> {
    const health = await this.#ask();
    if (!health.isHealthy) throw new ServiceUnavailableException(health);
    return health;
  }

  /** Asks the process what it knows, and the database for counts (once a second at most). */
  async #ask() {
    const { isHealthy, problems } = this.#scheduler.health();
    try {
      const { pending, failed, oldestDueAgeMs } = await this.#scheduler.stats();
      return { isHealthy, database: true, problems, pending, failed, oldestDueAgeMs };
    } catch (error) {
      return { isHealthy: false, database: false, problems: [...problems, String(error)] };
    }
  }
}
