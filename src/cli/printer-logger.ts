/** A log that goes where messages of a command go. */
import type { Logger } from "../run/reporter.ts";
import type { Printer } from "./printer.ts";

/** Lines for a log; nothing below information. */
export function loggerOf(printer: Printer): Logger {
  const at = (level: string) => (details: object, message?: string) => {
    if (printer.isJson) printer.jsonAside({ level, message, ...details });
    else printer.aside(`${level}: ${message ?? ""} ${JSON.stringify(details)}`);
  };
  return { debug: () => undefined, info: at("info"), warn: at("warning"), error: at("error") };
}
