// A SQLite store on a file of its own, the user's connection to it, and a way to get rid of both.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ConformanceHarness } from "../../src/conformance/index.ts";
import type { NewTask } from "../../src/store/contract.ts";
import { loadDriver, type RawHandle } from "../../src/store/sqlite/driver.ts";
import {
  type SqliteStoreOptions,
  type SqliteTransaction,
  sqliteStore,
} from "../../src/store/sqlite/index.ts";

/** A folder that is gone after use: `using folder = tempFolder()`. */
export function tempFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "owed-sqlite-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Opens a connection as a user would, with the binding the store would choose. */
export function openHandle(file: string): RawHandle {
  return loadDriver(undefined).open(file);
}

/** A migrated store with a user's connection on the same file. */
export async function openScene(options: Partial<SqliteStoreOptions> = {}) {
  const folder = tempFolder();
  const file = join(folder.path, "tasks.db");
  const store = sqliteStore({ file, ...options });
  await store.migrate();
  const handle = loadDriver(options.driver).open(file);
  return {
    store,
    file,
    handle,
    async [Symbol.asyncDispose]() {
      handle.close();
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}

/** What the conformance suite asks for. */
export async function openHarness(
  options: Partial<SqliteStoreOptions> = {},
): Promise<ConformanceHarness<SqliteTransaction>> {
  const scene = await openScene(options);
  const { store, handle } = scene;
  return {
    store,
    async begin() {
      handle.exec("begin immediate");
      return {
        transaction: handle,
        savepoint: () => store.savepoint(handle),
        commit: () => void handle.exec("commit"),
        rollback: () => void handle.exec("rollback"),
      };
    },
    close: () => scene[Symbol.asyncDispose](),
  };
}

/** A task about to be enqueued, due at once. */
export function newTask(taskId: string, delayMs = 0): NewTask {
  return {
    taskId,
    type: "test",
    data: new TextEncoder().encode(taskId),
    codec: "json",
    key: null,
    referenceId: null,
    headers: null,
    delayMs,
    dueAtMs: null,
    bornClaimed: false,
    onDuplicate: "compare",
  };
}

/** Enqueues and commits on the user's connection of a scene. */
export function enqueueTasks(
  { store, handle }: Pick<Awaited<ReturnType<typeof openScene>>, "store" | "handle">,
  taskIds: readonly string[],
  { delayMs = 0 }: { readonly delayMs?: number } = {},
): void {
  handle.exec("begin immediate");
  store.insert(
    handle,
    taskIds.map((taskId) => newTask(taskId, delayMs)),
    null,
  );
  handle.exec("commit");
}
