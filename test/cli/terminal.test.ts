// The command where a person sits before it: on a real pseudo-terminal, narrow and wide, with Ctrl-C at the worst moments, and in pipes.
// oxlint-disable eslint/no-control-regex -- escape sequences are what is read here
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask, processRecord } from "../../src/conformance/scene.ts";
import { freePort } from "../support/server-process.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { openPlace, type Place } from "./kinds.ts";
import { CTRL_C, CTRL_D, inTerminal, noTerminal } from "./pseudo-terminal.ts";

const OWNER = "8111111111111111111";
let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

/** Pending tasks of three types, one process. */
async function busyPlace(count = 30): Promise<Place> {
  const place = await openPlace("SQLite");
  const tasks = Array.from({ length: count }, (_, index) =>
    newTask(`webhook:${String(index).padStart(4, "0")}`, { type: `webhook.deliver.${index % 3}` }),
  );
  await place.enqueue(tasks, Date.now() - 3_600_000);
  await place.store.register(processRecord(OWNER, { types: ["webhook.deliver.0"] }));
  return place;
}

/** Types it once the output holds the text. */
const once = (text: string, typed: string) => {
  let isTyped = false;
  return (output: string): string | null => {
    if (isTyped || !output.includes(text)) return null;
    isTyped = true;
    return typed;
  };
};

// skipped: where `script` is missing there is no way to make a terminal
describe.skipIf(noTerminal !== null)("in a terminal", () => {
  it("status --watch paints over itself, fits its height, and Ctrl-C leaves all as it was", async () => {
    await using place = await busyPlace();
    const frames = (output: string): number => output.split("TASKS").length - 1;
    let isOver = false;
    const {
      code,
      raw,
      screenBefore: screen,
      changedSettings,
    } = await inTerminal(owed, "owed status --watch --interval 200ms", {
      env: place.env,
      columns: 60,
      rows: 14,
      keys: (output) => {
        if (isOver || frames(output) < 4) return null;
        isOver = true;
        return CTRL_C;
      },
    });
    expect([code, changedSettings]).toEqual([0, []]);
    // Whatever was painted before, one of it is left, with what matters most at the top.
    expect(frames(raw)).toBeGreaterThanOrEqual(4);
    expect(frames(screen.join("\n"))).toBe(1);
    expect(screen.length).toBeLessThanOrEqual(14);
    expect(screen.join("\n")).toMatch(/pending +30 +the oldest due for 1 h/);
    expect(screen.join("\n")).toMatch(/… \d+ more lines: make the window higher/);
    for (const line of screen) expect(line.length).toBeLessThanOrEqual(60);
    // It is not cleared from frame to frame, which flickers.
    expect(raw.split("\u001b[2J")).toHaveLength(2);
  });

  it("colours are on, but for NO_COLOR, --no-color and TERM=dumb", async () => {
    await using place = await busyPlace();
    const colours = async (line: string, env: Readonly<Record<string, string>> = {}) =>
      (await inTerminal(owed, line, { env: { ...place.env, ...env } })).raw.includes("\u001b[3");
    expect(await colours("owed status")).toBe(true);
    expect(await colours("owed status", { NO_COLOR: "1" })).toBe(false);
    expect(await colours("owed status --no-color")).toBe(false);
    expect(await colours("owed status", { TERM: "dumb" })).toBe(false);
  });

  it("a question is answered by yes; Ctrl-D is a no, Ctrl-C an end, and both leave the terminal as it was", async () => {
    await using place = await busyPlace(3);
    const answer = (typed: string) =>
      inTerminal(owed, "owed cancel --all", { env: place.env, keys: once("Type yes:", typed) });
    const ended = await answer(CTRL_D);
    expect([ended.code, ended.changedSettings]).toEqual([8, []]);
    expect(ended.screen).toContain("nothing was changed: say --yes to do it");
    const cut = await answer(CTRL_C);
    expect([cut.code, cut.changedSettings]).toEqual([130, []]);
    expect(cut.raw).not.toContain("unexpected");
    expect((await answer("no\r")).code).toBe(8);
    expect(await place.store.count("pending")).toBe(3);
    const done = await answer("yes\r");
    expect([done.code, done.screen.includes("3 cancelled")]).toEqual([0, true]);
    expect(await place.store.count("cancelled")).toBe(3);
  });

  it("long work shows a bar, which Ctrl-C takes away", async () => {
    await using place = await busyPlace(3_000);
    const { code, raw, screen } = await inTerminal(owed, "owed cancel --all --yes", {
      env: place.env,
      keys: once("[#", CTRL_C),
    });
    expect([code, raw.includes("of 3,000")]).toEqual([130, true]);
    expect(screen.join("\n")).not.toContain("[#");
    expect(screen.join("")).toContain("go on with: owed cancel --state=pending --before=");
  });

  it("nothing is wider than a narrow terminal, and a command to be copied is never broken", async () => {
    await using place = await busyPlace();
    const { raw, code } = await inTerminal(owed, "owed doctor", { env: place.env, columns: 44 });
    expect(code).toBe(7);
    const lines = raw.split("\r\n").map((line) => line.replaceAll(/\u001b\[\d+m/g, ""));
    const long = lines.filter((line) => line.length > 44 && !/^[0-9a-f:]+$/.test(line));
    for (const line of long) expect(line).toMatch(/^\s+owed |^SQLite file /);
    expect(lines.map((line) => line.trim())).toContain("owed cancel --type=webhook.deliver.1 --dry-run");
  });
});

describe("Ctrl-C ends at once what waits for a database that does not answer:", () => {
  it.each(["status", "status --watch", "doctor", "task x", "redrive x"])("owed %s", async (argv) => {
    const mute = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => void mute.listen(port, "127.0.0.1", resolve));
    const heard = new Promise<void>((resolve) => void mute.once("connection", () => resolve()));
    const begunMs = performance.now();
    const { code } = await owed.run(argv.split(" "), {
      env: { DATABASE_URL: `postgres://shop@127.0.0.1:${port}/shop` },
      started: (kill) => void heard.then(() => kill("SIGINT")),
    });
    mute.close();
    expect(code).toBe(130);
    expect(performance.now() - begunMs).toBeLessThan(4_500);
  });
});

describe("a reader that goes away", () => {
  const pipe = (line: string, env: Readonly<Record<string, string>>) =>
    spawnSync("bash", ["--norc", "-c", `set -o pipefail; ${line}; echo "codes \${PIPESTATUS[*]}"`], {
      cwd: owed.folder,
      env: {
        HOME: owed.folder,
        PATH: `${join(owed.folder, "node_modules", ".bin")}:${process.env["PATH"]}`,
        ...env,
      },
      encoding: "utf8",
    });

  it("ends a list in silence", async () => {
    await using place = await busyPlace(3_000);
    for (const argv of ["tasks --state pending --limit 3000", "tasks --state pending --json", "status"]) {
      const { stdout, stderr } = pipe(`owed ${argv} | head -c 20`, place.env);
      expect([argv, stderr, stdout.includes("codes 0 0")]).toEqual([argv, "", true]);
    }
  });

  it("ends status --watch, which nobody watches any more", async () => {
    await using place = await busyPlace();
    const { stdout, stderr } = pipe("owed status --watch --interval 200ms | head -n 1", place.env);
    expect([stderr, stdout.includes("codes 0 0")]).toEqual(["", true]);
  });

  it("ends work on many as Ctrl-C does: with code 130, and how to go on", async () => {
    await using place = await busyPlace(3_000);
    const { stdout, stderr } = pipe("owed cancel --all --yes --json | head -n 2", place.env);
    expect(stdout).toContain("codes 130 0");
    expect(stderr).toMatch(
      /interrupted; go on with: owed cancel --state=pending --before=\S+ --all --yes\n$/,
    );
    expect(await place.store.count("pending")).toBeGreaterThan(0);
  });
});
