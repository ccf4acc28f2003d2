/** All commands, in the order of the help. */
import type { Command } from "../command.ts";
import { doctor } from "./doctor.ts";
import { migrate } from "./migrate.ts";
import { cancel, redrive } from "./operations.ts";
import { prune } from "./prune.ts";
import { status } from "./status.ts";
import { task } from "./task.ts";
import { tasks } from "./tasks.ts";

/** The commands. */
export const commands: readonly Command[] = Object.freeze([
  status,
  tasks,
  task,
  redrive,
  cancel,
  doctor,
  migrate,
  prune,
]);
