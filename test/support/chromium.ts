// Debian's Chromium: installed where this process may do so, and driven without any request of its own.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { installed } from "../../chaos/needs.ts";

const program = "/usr/bin/chromium";

const options = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why there is no Chromium here; null when there is one. */
export function missingChromium(): string | null {
  if (existsSync(program)) return null;
  return installed("chromium") ?? (existsSync(program) ? null : `${program} was not found`);
}

/** Starts it. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: program, args: options });
}
