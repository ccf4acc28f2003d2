// What the store's own connections run with, which indexes its hot statements use, and what it says about bad files.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { InvalidInputError, SchemaMissingError, SchemaTooNewError } from "../../src/errors.ts";
import { realPorts } from "../../src/ports/real-ports.ts";
import { type Kind, scans } from "../../src/store/sqlite/claim-statements.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { Database } from "../../src/store/sqlite/database.ts";
import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { type SqliteDriverName, sqliteStore } from "../../src/store/sqlite/index.ts";
import { findPrunable } from "../../src/store/sqlite/operator-statements.ts";
import { readTask, readTasks } from "../../src/store/sqlite/reading-statements.ts";
import { fileFindings } from "../../src/store/sqlite/warnings.ts";
import { enqueueTasks, openHandle, openScene, tempFolder } from "./harness.ts";

test("P-1, H36: own connections use WAL and full synchronisation, and never block for a lock", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  expect(own.api.get("pragma journal_mode")).toEqual({ journal_mode: "wal" });
  expect(own.api.get("pragma synchronous")).toEqual({ synchronous: 2 });
  expect(own.api.get("pragma busy_timeout")).toEqual({ timeout: 0 });
  own.rollback();
});

test("only writes that may be lost with the machine commit without waiting for the disk", async () => {
  using folder = tempFolder();
  const driver = loadDriver(undefined);
  const file = join(folder.path, "tasks.db");
  const database = new Database({ file, driver, ports: realPorts, lockWaitMs: 1_000 });
  const level = (durability?: "relaxed") =>
    database.write((connection) => connection.first("pragma synchronous"), durability);
  expect(await level()).toMatchObject({ synchronous: 2 });
  expect(await level("relaxed")).toMatchObject({ synchronous: 1 });
  expect(await level()).toMatchObject({ synchronous: 2 });
  await database.close();
});

test("a store in order has nothing to warn about but where its file lies", async () => {
  await using scene = await openScene();
  scene.handle.exec("pragma synchronous = full");
  enqueueTasks(scene, ["calm"]);
  const warnings = await scene.store.warnings();
  expect(warnings.filter((warning) => !warning.includes("lies on"))).toEqual([]);
});

test.each([
  ["3.49.1", true],
  ["3.51.2", true],
  ["3.51.3", false],
  ["3.52.0", false],
  ["4.0.0", false],
])("SQLite %s is warned about: %s", (version, isWarned) => {
  using folder = tempFolder();
  const file = join(folder.path, "tasks.db");
  const handle = openHandle(file);
  // Both drivers let a function of SQLite be replaced, which the store has no need of.
  const named = handle as unknown as { function(name: string, body: () => string): void };
  named.function("sqlite_version", () => version);
  const codes = fileFindings(new Connection(handle), file).map(({ code }) => code);
  expect(codes.includes("sqlite-version")).toBe(isWarned);
  handle.close();
});

test("hot statements read their index in order, without sorting", async () => {
  await using scene = await openScene();
  const planOf = (sql: string) =>
    scene.handle
      .prepare(`explain query plan ${sql.replaceAll(/:\w+/g, "1")}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
      .join("\n");
  const kinds: readonly Kind[] = ["ready", "suspect", "alone"];
  for (const kind of kinds) {
    const plan = planOf(scans[kind].candidates);
    expect(plan).toContain(`SEARCH p USING INDEX owed_pending_${kind} (type_hash=? AND next_attempt_at<?)`);
    expect(plan).not.toContain("TEMP B-TREE FOR ORDER BY");
    const types = planOf(scans[kind].types);
    expect(types).toContain(`owed_pending_${kind} (type_hash>?)`);
    expect(types).not.toContain("SCAN p");
  }
  expect(planOf(findPrunable)).toContain(
    "SEARCH owed_settled USING INDEX owed_settled_prunable (settled_at<?)",
  );
  // The view is looked through, and not made whole first.
  expect(planOf(readTask)).toMatch(/^SEARCH t USING INDEX \w+ \(task_id=\?\)\nSEARCH p .*\nSEARCH s /);
  expect(planOf(readTasks)).toMatch(
    /^SCAN i .*\nSEARCH t USING INTEGER PRIMARY KEY .*\nSEARCH p .*\nSEARCH s /,
  );
});

test("a schema of a newer library is refused", async () => {
  await using scene = await openScene();
  scene.handle.exec("update owed_schema_version set version = 99");
  await expect(scene.store.migrate()).rejects.toBeInstanceOf(SchemaTooNewError);
  await expect(scene.store.checkSchema()).rejects.toBeInstanceOf(SchemaTooNewError);
});

test("checking the schema of a file that does not exist creates none", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "missing.db");
  await using store = sqliteStore({ file });
  await expect(store.checkSchema()).rejects.toBeInstanceOf(SchemaMissingError);
  await expect(store.checkSchema()).rejects.toBeInstanceOf(SchemaMissingError);
  writeFileSync(file, "");
  for (const ask of [() => store.checkSchema(), () => store.get("any")]) {
    const error: unknown = await ask().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SchemaMissingError);
    expect(String(error)).toMatch(/let start\(\) migrate, or call store\.migrate\(\)$/);
  }
});

test("F37: a file that cannot be a database says what to do", async () => {
  using folder = tempFolder();
  const notADatabase = join(folder.path, "notes.txt");
  writeFileSync(notADatabase, "these are notes and no pages of a database\n".repeat(100));
  mkdirSync(join(folder.path, "folder.db"));
  const cases: readonly (readonly [file: string, message: RegExp])[] = [
    [join(folder.path, "no", "such", "tasks.db"), /create the folder first/],
    [join(folder.path, "folder.db"), /name a file in it/],
    [notADatabase, /not a SQLite database/],
  ];
  for (const [file, message] of cases) {
    await using store = sqliteStore({ file });
    const migrated = store.migrate();
    await expect(migrated).rejects.toBeInstanceOf(InvalidInputError);
    await expect(migrated).rejects.toThrow(message);
  }
});

test("options that cannot be meant are refused at construction", () => {
  for (const file of ["", ":memory:", "file:tasks.db", undefined]) {
    expect(() => sqliteStore({ file: file as string })).toThrow(InvalidInputError);
  }
  for (const [field, options] of [
    ["options", undefined],
    ["options", null],
    ["options", "tasks.db"],
    ["path", { path: 5 }],
    ["file", { file: 5 }],
    ["lockWaitMs", { file: "tasks.db", lockWaitMs: "5" }],
    ["lockWaitMs", { file: "tasks.db", lockWaitMs: null }],
    ["driver", { file: "tasks.db", driver: null }],
  ] as const) {
    let thrown: unknown;
    try {
      sqliteStore(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidInputError);
    expect(thrown).toMatchObject({ field, remedy: expect.stringMatching(/^\w+ /) });
  }
  expect(() => sqliteStore({ file: "tasks.db", lockWaitMs: Number.NaN })).toThrow(/lockWaitMs/);
  expect(() => sqliteStore({ file: "tasks.db", driver: "sqlite3" as SqliteDriverName })).toThrow(/driver/);
});

test("a file that failed to open is opened again once it can be", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "later", "tasks.db");
  await using store = sqliteStore({ file });
  await expect(store.migrate()).rejects.toBeInstanceOf(InvalidInputError);
  mkdirSync(join(folder.path, "later"));
  await store.migrate();
  await store.checkSchema();
});

test("people with a SQLite shell see every task with its state", async () => {
  await using scene = await openScene();
  enqueueTasks(scene, ["owed", "dropped"]);
  await scene.store.cancel("dropped");
  const handle = openHandle(scene.file);
  const rows = handle.prepare("select task_id, state from owed_task_state order by id").all();
  expect(rows.map((row) => ({ ...(row as object) }))).toEqual([
    { task_id: "owed", state: "pending" },
    { task_id: "dropped", state: "cancelled" },
  ]);
  handle.close();
});
