// Makes a failing plan small: drops whatever can be dropped while the same law still breaks.
import { judge } from "./judge.ts";
import type { Plan, Step } from "./plan.ts";
import { play } from "./scenario.ts";

/** Most plans that are tried. */
const MOST_TRIES = 1_500;

const success: Step = { kind: "succeed", runMs: 10, heedsSignal: true, extraMs: 0 };

/** Answers the smallest plan found that still breaks the law. */
export async function shrink(plan: Plan, law: string): Promise<Plan> {
  let tries = 0;
  const breaks = async (candidate: Plan): Promise<boolean> => {
    tries += 1;
    return judge(await play(candidate)).some((violation) => violation.law === law);
  };
  const { fated } = await play(plan);
  let best = plan;
  const tryOut = async (candidate: Plan): Promise<boolean> => {
    if (tries >= MOST_TRIES || !(await breaks(candidate))) return false;
    best = candidate;
    return true;
  };
  await tryOut({ ...best, network: { ...best.network, only: fated } });
  let before = "";
  while (before !== JSON.stringify(best) && tries < MOST_TRIES) {
    before = JSON.stringify(best);
    await dropFrom(best.actions, (actions) => tryOut({ ...best, actions }));
    await dropFrom(best.requests, (requests) => tryOut({ ...best, requests }));
    if (best.network.only !== null) {
      await dropFrom(Object.entries(best.network.only), (entries) =>
        tryOut({ ...best, network: { ...best.network, only: Object.fromEntries(entries) } }),
      );
    }
    for (const index of best.requests.keys()) {
      const request = best.requests[index];
      if (request === undefined) continue;
      const put = (changed: typeof request): Promise<boolean> =>
        tryOut({ ...best, requests: best.requests.map((old, place) => (place === index ? changed : old)) });
      await dropFrom(request.calls, (calls) => put({ ...request, calls }));
    }
    for (const index of best.tasks.keys()) await simplifySteps(best, index, tryOut);
    for (const index of best.nodes.keys()) {
      if (index === 0) continue;
      const nodes = best.nodes.map((node, place) => (place === index ? { ...node, worker: null } : node));
      if (best.nodes[index]?.worker !== null) await tryOut({ ...best, nodes });
    }
  }
  return best;
}

async function simplifySteps(
  best: Plan,
  index: number,
  tryOut: (plan: Plan) => Promise<boolean>,
): Promise<void> {
  const task = best.tasks[index];
  if (task === undefined) return;
  const put = (steps: readonly Step[]): Promise<boolean> =>
    tryOut({ ...best, tasks: best.tasks.map((old, place) => (place === index ? { ...old, steps } : old)) });
  if (JSON.stringify(task.steps) !== JSON.stringify([success]) && (await put([success]))) return;
  await dropFrom(task.steps, put);
}

/** Offers the list without ever smaller parts of it; what is accepted is what goes on. */
async function dropFrom<Item>(
  list: readonly Item[],
  accept: (shorter: readonly Item[]) => Promise<boolean>,
): Promise<void> {
  let kept = [...list];
  for (let size = Math.max(kept.length, 1); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < kept.length; ) {
      const shorter = [...kept.slice(0, start), ...kept.slice(start + size)];
      if (await accept(shorter)) kept = shorter;
      else start += size;
    }
  }
}
