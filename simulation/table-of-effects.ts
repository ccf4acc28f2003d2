// The table of effects: a row for each execution that wrote one in the transaction in which its task was completed.
import type { HistoryToken, ProcessEvent } from "../checker/history.ts";
import type { MemoryStore } from "../src/store/memory/index.ts";

const PREFIX = "effect ";

/** The row of one execution. */
export function effectKey(taskId: string, { owner, claim, generation }: HistoryToken): string {
  return PREFIX + JSON.stringify({ taskId, token: { owner, claim, generation } });
}

/** All rows at the end of a run, as whoever counts them would write them down. */
export async function countedEffects(store: MemoryStore): Promise<readonly ProcessEvent[]> {
  const transaction = await store.begin();
  const keys = await transaction.keys();
  await transaction.rollback();
  const rows = keys.filter((key) => key.startsWith(PREFIX));
  return rows.map((key, index) => {
    const row = JSON.parse(key.slice(PREFIX.length)) as { taskId: string; token: HistoryToken }; // written above
    const event = { kind: "effect", ...row } as const;
    return { process: "table of effects", boot: 1, seq: index + 1, monotonicMs: 0, event };
  });
}
