// What runs for long or starts things: init, work, status --watch, completion. Run as it is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { startPostgres } from "../support/postgres.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

const executors = (code: string) => `import { defineTask, executor } from "owed";
const mail = defineTask({ type: "mail" });
export const executors = [executor(mail, async ({ data, signal }) => { ${code} })];
`;

describe.each(kinds)("on %s", (kind) => {
  it("init writes a file and makes the tables; what it says next works as it stands", async () => {
    await using place = await openPlace(kind, false);
    const { env } = place;
    const file = join(owed.folder, "owed-worker.mjs");
    rmSync(file, { force: true });
    const dry = await owed.run(["init", "--dry-run"], { env });
    expect([dry.code, existsSync(file)]).toEqual([0, false]);
    expect((await owed.run(["migrate", "--check"], { env })).code).toBe(4);
    const made = await owed.run(["init"], { env });
    expect([made.code, made.out]).toEqual([0, expect.stringContaining("owed work owed-worker.mjs")]);
    expect((await owed.run(["migrate", "--check"], { env })).code).toBe(0);
    const enqueued = spawnSync(process.execPath, ["owed-worker.mjs", "enqueue"], {
      cwd: owed.folder,
      env: { PATH: process.env["PATH"], ...env },
      encoding: "utf8",
    });
    expect(enqueued.stderr).toBe("");
    expect(enqueued.stdout).toMatch(/^enqueued /);
    const worked = await owed.run(["work", "owed-worker.mjs"], {
      env,
      watch: (output, kill) =>
        output.includes("hello world") && !output.includes("stopping") && kill("SIGTERM"),
    });
    expect([worked.code, worked.out]).toEqual([0, expect.stringContaining("stopped; what was unfinished")]);
    expect((await place.store.list({ state: "confirmed", limit: 5, order: "ascending" })).tasks).toHaveLength(
      1,
    );
    // A second one touches nothing.
    writeFileSync(file, "mine");
    const again = await owed.run(["init"], { env });
    expect([again.code, readFileSync(file, "utf8")]).toEqual([6, "mine"]);
  });

  it("work gives back at its stop what has not ended within the grace, at no cost", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("slow", { type: "mail" })]);
    writeFileSync(
      join(owed.folder, "slow.mjs"),
      executors(`console.log("begun"); await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw signal.reason;`),
    );
    const { code } = await owed.run(["work", "slow.mjs", "--grace", "100ms"], {
      env: place.env,
      watch: (output, kill) => output.includes("begun") && !output.includes("stopping") && kill("SIGINT"),
    });
    const task = await place.store.get("slow");
    expect([code, task?.state, task?.owner, task?.failedAttempts]).toEqual([0, "pending", null, 0]);
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(["abandoned"]);
    const { out } = await owed.run(["task", "slow"], { env: place.env });
    expect(out).toContain("given back, since its process stopped");
  });

  it("status --watch shows it again and again until Ctrl-C, and ends with 0", async () => {
    await using place = await openPlace(kind);
    let isOver = false;
    const { code, out } = await owed.run(["status", "--watch", "--interval", "200ms"], {
      env: place.env,
      watch: (output, kill) => {
        if (output.split("confirmed").length <= 3 || isOver) return;
        isOver = true;
        kill("SIGINT");
      },
    });
    expect(code).toBe(0);
    expect(out.split("TASKS").length).toBeGreaterThanOrEqual(4);
    expect(out).not.toContain("\u001b");
  });
});

it("status --watch goes on through an outage and shows its end", async () => {
  await using server = await startPostgres({ major: 18 });
  await using place = await openPlace("Postgres", true, server.connectionString);
  let stage = 0;
  const { code } = await owed.run(["status", "--watch", "--interval", "200ms"], {
    env: place.env,
    watch: (output, kill) => {
      const latest = output.slice(output.lastIndexOf("trying again"));
      if (stage === 0 && output.includes("confirmed")) {
        stage = 1;
        void server.stop("immediate");
      } else if (stage === 1 && output.includes("trying again")) {
        stage = 2;
        void server.start();
      } else if (stage === 2 && latest.includes("confirmed")) {
        stage = 3;
        kill("SIGINT");
      }
    },
  });
  expect([code, stage]).toEqual([0, 3]);
});

it("work runs a scheduler that the file brings", async () => {
  await using place = await openPlace("SQLite");
  await place.enqueue([newTask("task", { type: "mail" })]);
  writeFileSync(
    join(owed.folder, "whole.mjs"),
    `import { defineTask, executor, Scheduler } from "owed";
import { sqliteStore } from "owed/sqlite";
const mail = executor(defineTask({ type: "mail" }), async () => console.log("done"));
export const scheduler = new Scheduler({ store: sqliteStore({ file: process.env.SHOP }), executors: [mail] });
`,
  );
  const { code } = await owed.run(["work", "whole.mjs"], {
    env: { SHOP: place.env["OWED_SQLITE_FILE"] ?? "" },
    watch: (output, kill) => output.includes("done") && !output.includes("stopping") && kill("SIGTERM"),
  });
  expect([code, (await place.store.get("task"))?.state]).toEqual([0, "confirmed"]);
});

it("init with options that say where the tasks are prints next steps that work as they stand", async () => {
  await using place = await openPlace("Postgres", false);
  const { DATABASE_URL: url = "", OWED_SCHEMA: schema = "" } = place.env;
  writeFileSync(join(owed.folder, "url.txt"), url, { mode: 0o600 });
  for (const options of ["--sqlite=own.db", `--url-file=url.txt --schema=${schema}`]) {
    rmSync(join(owed.folder, "first.mjs"), { force: true });
    const { code, out } = await owed.run(["init", "first.mjs", ...options.split(" ")]);
    expect(code).toBe(0);
    const steps = out.split("\n").filter((line) => / {3}\w/.test(line));
    const [work = "", enqueue = "", status = ""] = steps.map((line) => line.trim().split(/ {3,}/)[0] ?? "");
    const enqueued = spawnSync("bash", ["--norc", "-c", enqueue], {
      cwd: owed.folder,
      env: { PATH: process.env["PATH"] },
      encoding: "utf8",
    });
    expect([enqueued.stderr, enqueued.stdout]).toEqual(["", expect.stringMatching(/^enqueued /)]);
    const worked = await owed.run(work.split(" ").slice(1), {
      watch: (output, kill) => output.includes("hello") && !output.includes("stopping") && kill("SIGTERM"),
    });
    expect(worked.code).toBe(0);
    expect((await owed.run(status.split(" ").slice(1))).out).toMatch(/confirmed +1 /);
  }
});

it("work says what is wrong with a file", async () => {
  await using place = await openPlace("SQLite");
  const says = async (name: string, code?: string) => {
    if (code !== undefined) writeFileSync(join(owed.folder, name), code);
    const ending = await owed.run(["work", name], { env: place.env });
    return [ending.code, ending.err] as const;
  };
  expect(await says("missing.mjs")).toEqual([2, expect.stringContaining("there is no file missing.mjs")]);
  expect(await says("empty.mjs", "export {}")).toEqual([2, expect.stringContaining("exports no executors")]);
  expect(await says("broken.mjs", 'throw new Error("no licence")')).toEqual([
    1,
    expect.stringContaining("no licence"),
  ]);
  const twice = `${executors("")}executors.push(executors[0]);`;
  expect(await says("twice.mjs", twice)).toEqual([1, expect.stringContaining("two executors for type")]);
});

describe("the completion of bash", () => {
  const complete = async (line: string): Promise<string[]> => {
    const { out } = await owed.run(["completion", "bash"]);
    const words = line.split(" ");
    const script = `${out}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _owed; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], {
      cwd: owed.folder,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((word) => word !== "");
  };

  it("completes commands, options, values and files", async () => {
    expect(await complete("owed ta")).toEqual(["tasks", "task"]);
    expect(await complete("owed task --st")).toEqual(["--stack"]);
    expect(await complete("owed tasks --state c")).toEqual(["confirmed", "cancelled"]);
    expect(await complete("owed tasks -s f")).toEqual(["failed"]);
    // As bash cuts --state=p, and --state= before anything is typed.
    expect(await complete("owed tasks --state = p")).toEqual(["pending"]);
    expect(await complete("owed tasks --state =")).toEqual(["pending", "confirmed", "failed", "cancelled"]);
    expect(await complete("owed bench --cl")).toEqual(["--clean"]);
    expect(await complete("owed work pack")).toEqual(expect.arrayContaining(["package.json"]));
    expect(await complete("owed completion z")).toEqual(["zsh"]);
    expect(await complete("owed task ")).toEqual([]);
  });
});

it("the completion of zsh names every command and its options", async () => {
  const { code, out } = await owed.run(["completion", "zsh"]);
  expect(code).toBe(0);
  for (const name of ["status", "redrive", "completion"])
    expect(out).toContain(`    ${name})\n      _arguments`);
  expect(out).toContain(
    "'--state=[pending, confirmed, failed, cancelled]:STATE:(pending confirmed failed cancelled)'",
  );
  expect(out).toContain(
    "'-s[pending, confirmed, failed, cancelled]:STATE:(pending confirmed failed cancelled)'",
  );
  expect((await owed.run(["completion", "fish"])).code).toBe(2);
});
