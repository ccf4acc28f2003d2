/** `owed prune`: deletes what was confirmed or cancelled long ago. */

import { shownDuration } from "../../story/durations.ts";
import type { Command } from "../command.ts";
import { confirmingOptions, isConfirmed } from "../confirmation.ts";
import { exitCodes } from "../exit-codes.ts";
import { Progress } from "../progress.ts";

const DEFAULT_AGE_MS = 30 * 24 * 3_600_000;
const COUNTED_UP_TO = 100_000;
const BATCH = 500;

/** The command. */
export const prune: Command = {
  name: "prune",
  summary: "delete confirmed and cancelled tasks that are old enough",
  operand: "",
  options: {
    "older-than": { type: "string", value: "AGE", says: "settled for at least this long (default 30d)" },
    ...confirmingOptions,
  },
  details: [
    "Workers do this by themselves, by their retentionMs. Pending and failed tasks are never",
    "deleted. A task that is gone is not recognised any more when it is enqueued again: it",
    "would run again.",
  ],
  endsItself: true,
  async run(invocation) {
    const { arguments: options, printer, terminal } = invocation;
    const olderThanMs = options.duration("older-than", DEFAULT_AGE_MS);
    const { store } = await invocation.open();
    const found = await store.countPrunable({ olderThanMs, limit: COUNTED_UP_TO });
    const isCut = found >= COUNTED_UP_TO;
    printer.json({ preview: { command: "prune", matched: found, isCut }, dryRun: options.flag("dry-run") });
    const count = `${found.toLocaleString("en-US")}${isCut ? " or more" : ""}`;
    const age = shownDuration(olderThanMs);
    const verb = options.flag("yes") && !options.flag("dry-run") ? "will" : "would";
    printer.line(`${verb} delete ${count} tasks that were confirmed or cancelled over ${age} ago`);
    if (found === 0) return exitCodes.done;
    if (!(await isConfirmed(invocation))) {
      return options.flag("dry-run") ? exitCodes.done : exitCodes.notConfirmed;
    }
    const progress = new Progress(printer, terminal, "deleted", isCut ? null : found);
    let deleted = 0;
    for (let gone = -1; gone !== 0 && !terminal.interrupted.aborted; ) {
      gone = await store.prune({ olderThanMs, limit: BATCH });
      deleted += gone;
      progress.show(deleted);
    }
    progress.end();
    printer.json({ deleted, interrupted: terminal.interrupted.aborted });
    printer.line(`${deleted.toLocaleString("en-US")} deleted`, "green");
    return terminal.interrupted.aborted ? exitCodes.interrupted : exitCodes.done;
  },
};
