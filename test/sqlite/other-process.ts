// Other processes on the same file: started with a piece of work, watched by what they print, ended by recorded pid.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("./other-process-main.ts", import.meta.url));

/** What another process can be asked to do on a file. */
export type OtherWork =
  | { readonly kind: "hold"; readonly file: string; readonly holdMs: number }
  | { readonly kind: "migrate"; readonly file: string }
  | { readonly kind: "claim"; readonly file: string; readonly owner: string };

/** A process at work. */
export interface OtherProcess extends AsyncDisposable {
  /** Resolves once it has printed a line that begins so. */
  printed(begin: string): Promise<string>;
  /** Resolves to all it has printed once it has ended well. */
  ended(): Promise<readonly string[]>;
}

/** Starts a process. */
export function startOther(work: OtherWork): OtherProcess {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, JSON.stringify(work)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const lines = () => text.split("\n").filter((line) => line !== "");
  return {
    async printed(begin) {
      for (;;) {
        const found = lines().find((line) => line.startsWith(begin));
        if (found !== undefined) return found;
        if (child.exitCode !== null) throw new Error(`it ended without printing "${begin}": ${text}`);
        await Promise.race([once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data"), exit]);
      }
    },
    async ended() {
      const [code] = await exit;
      if (code !== 0) throw new Error(`it ended with ${code}: ${text}`);
      return lines();
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await exit;
      }
    },
  };
}
