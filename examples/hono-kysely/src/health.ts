// What a load balancer and a person want to know: does the database answer, does the scheduler run, what is left to do.
import type { ShopScheduler } from "./scheduler.ts";

/** Asks the process what it knows, and the database for counts (once a second at most). */
export async function healthOf(scheduler: ShopScheduler) {
  const { isHealthy, problems } = scheduler.health();
  try {
    const { pending, failed, oldestDueAgeMs } = await scheduler.stats();
    return { isHealthy, database: true, problems, pending, failed, oldestDueAgeMs };
  } catch (error) {
    return { isHealthy: false, database: false, problems: [...problems, String(error)] };
  }
}
