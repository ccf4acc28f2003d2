// Executors of the kind `transfer`: an effect, a follow-up and the confirmation in one transaction.
import { executor, type TransactionalAttempt } from "../../src/run/typed-executor.ts";
import type { PostgresTransactionApi } from "../../src/store/postgres/index.ts";
import type { TaskDefinition } from "../../src/task/definition.ts";
import type { BoundExecutor } from "../../src/task/executor.ts";
import { definitionOf, type Script } from "./kinds.ts";
import { play, type Surroundings } from "./play.ts";

/** The table of effects. It has no constraint, which would hide what is to be seen. */
export const EFFECTS_TABLE =
  "create table effects (task_id text, owner text, claim bigint, generation integer)";
const INSERT_EFFECT = "insert into effects values ($1, $2, $3, $4)";

/** An executor that writes its effect under the token of its task before it plays the script. */
export function transferExecutor(
  definition: TaskDefinition<Script, Script>,
  maxLostAlone: number,
  around: Surroundings,
): BoundExecutor {
  type Transfer = TransactionalAttempt<Script, PostgresTransactionApi>;
  const none = executor(definition, () => undefined);
  return {
    ...none,
    run: (task, host) => {
      const { owner, claim, generation } = task.token;
      const { run } = executor(definition, { transactional: true }, async (attempt: Transfer) => {
        await attempt.tx.query(INSERT_EFFECT, [task.taskId, owner, claim, generation]);
        const enqueueFollowUp = async (taskId: string): Promise<void> => {
          await attempt.tx.enqueue(definitionOf("receipt", maxLostAlone), {}, { taskId });
        };
        await play(attempt.data, attempt, { ...around, enqueueFollowUp });
      });
      return run(task, host as Parameters<typeof run>[1]); // the store of the run is a Postgres
    },
  };
}
