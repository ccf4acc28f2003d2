// Under which account a Postgres server may run, and which folders that account can reach.
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync, type Stats, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";

/** The numbers of a system account, as they are handed to `spawn`. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account servers run under: `undefined` stands for the current user, which is right for everyone but root,
 * as whom Postgres refuses to run. Root uses `postgres`, created when it is missing, since initdb insists on an
 * account with an entry in /etc/passwd.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const present = accountNamed("postgres");
  if (present !== undefined) return present;
  const made = spawnSync("useradd", ["--system", "--no-create-home", "--shell", "/bin/false", "postgres"]);
  const created = accountNamed("postgres");
  if (created !== undefined) return created;
  const reason = made.error?.message ?? made.stderr.toString().trim();
  throw new Error(
    `Postgres does not run as root, and an account "postgres" could not be made (useradd: ${reason}). ` +
      "Create one, or run the tests as an ordinary user.",
  );
}

function accountNamed(name: string): Account | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [entry, , uid, gid] = line.split(":");
    if (entry === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Whether the account can read and enter `path`, every folder above it included. */
export function isReachable(path: string, account: Account | undefined): boolean {
  if (account === undefined) return isReadableHere(path);
  if (!allows(statSync(path), account, 0o5)) return false;
  for (let folder = path; folder !== dirname(folder); ) {
    folder = dirname(folder);
    if (!allows(statSync(folder), account, 0o1)) return false;
  }
  return true;
}

function isReadableHere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The bits of one file for one account; supplementary groups are dropped at spawn, so they do not count. */
function allows(stats: Stats, account: Account, bits: number): boolean {
  const shift = stats.uid === account.uid ? 6 : stats.gid === account.gid ? 3 : 0;
  return ((stats.mode >> shift) & bits) === bits;
}

/** A folder for temporary files that the account can reach. */
export function reachableTemporaryFolder(account: Account | undefined): string {
  for (const folder of [tmpdir(), "/tmp", "/var/tmp"]) {
    if (isReachable(folder, account)) return folder;
  }
  throw new Error("There is no folder for temporary files that the Postgres account can reach; set TMPDIR.");
}
