/** All commands, in the order of the help. */
import type { Command } from "../command.ts";
import { bench } from "./bench.ts";
import { completionFor } from "./completion.ts";
import { dashboard } from "./dashboard.ts";
import { doctor } from "./doctor.ts";
import { init } from "./init.ts";
import { migrate } from "./migrate.ts";
import { cancel, redrive } from "./operations.ts";
import { prune } from "./prune.ts";
import { roles } from "./roles.ts";
import { status } from "./status.ts";
import { task } from "./task.ts";
import { tasks } from "./tasks.ts";
import { work } from "./work.ts";

const working: readonly Command[] = [
  status,
  tasks,
  task,
  redrive,
  cancel,
  dashboard,
  doctor,
  work,
  init,
  migrate,
  roles,
  prune,
  bench,
];

/** The commands. */
export const commands: readonly Command[] = Object.freeze([...working, completionFor(working)]);
