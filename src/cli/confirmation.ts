/** Asks before something is done that many would regret. */
import type { Invocation, OptionDefinitions } from "./command.ts";

/** Options of every command that changes much. */
export const confirmingOptions: OptionDefinitions = Object.freeze({
  "dry-run": { type: "boolean", short: "n", says: "show what would be done, and do nothing" },
  yes: { type: "boolean", short: "y", says: "do it without asking" },
});

/** True when it shall be done: --yes was given, or a person says yes. Says what to do when not. */
export async function isConfirmed({ arguments: options, terminal, printer }: Invocation): Promise<boolean> {
  if (options.flag("dry-run")) {
    printer.line("nothing was changed (--dry-run)");
    return false;
  }
  if (options.flag("yes")) return true;
  if (terminal.canAsk && !printer.isJson) {
    const answer = await terminal.ask("Do it? Type yes: ");
    if (answer === null) printer.aside("");
    if (answer?.trim().toLowerCase() === "yes") return true;
  }
  printer.aside("nothing was changed: say --yes to do it");
  return false;
}
