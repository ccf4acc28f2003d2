// GET /health of the web process: does the database answer, does a worker run, what is left to do.
import { shop } from "../../server/shop";

export const dynamic = "force-dynamic";

/** Counts come from the database, once a second at most. */
export async function GET(): Promise<Response> {
  try {
    const { processes, pending, failed, oldestDueAgeMs } = await shop().scheduler.stats();
    // Orders are taken without a worker too; that their receipts wait is for an alarm, not for the load balancer.
    return Response.json({
      isHealthy: true,
      database: true,
      workers: processes,
      pending,
      failed,
      oldestDueAgeMs,
    });
  } catch (error) {
    return Response.json({ isHealthy: false, database: false, problems: [String(error)] }, { status: 503 });
  }
}
