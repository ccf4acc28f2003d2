/** Who runs the command, for the record of what people did. */
import { hostname, userInfo } from "node:os";
import type { ActingPerson } from "../run/operator-options.ts";
import type { Invocation, OptionDefinitions } from "./command.ts";

/** The options of commands that put on record what they do. */
export const recordOptions: OptionDefinitions = Object.freeze({
  reason: { type: "string", value: "TEXT", says: "why, for the record" },
});

/** The account, and the machine; or whom OWED_ACTOR names. */
export function actingPerson({ arguments: options, terminal }: Invocation): ActingPerson {
  const named = (terminal.environment["OWED_ACTOR"] ?? "").trim();
  const actor = named === "" ? `${accountName()}@${hostname()}` : named;
  return { actor: actor.slice(0, 200).toWellFormed(), via: "command", reason: options.text("reason") };
}

/** An account without an entry has a number alone. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "somebody");
  }
}
