// Debian's Prometheus and its promtool: used where they are installed, else unpacked into a folder of temporary files.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the two programs are, or why they are not there. */
export type Prometheus =
  | { readonly prometheus: string; readonly promtool: string; readonly missing: null }
  | { readonly missing: string };

const unpackedFolder = join(tmpdir(), "owed-test-prometheus");

function at(folder: string): Prometheus | null {
  const [prometheus, promtool] = [join(folder, "prometheus"), join(folder, "promtool")];
  return existsSync(prometheus) && existsSync(promtool) ? { prometheus, promtool, missing: null } : null;
}

/** Finds the programs; downloads the package of Debian, which is not installed, where they are missing. */
export function findPrometheus(): Prometheus {
  return at("/usr/bin") ?? at(join(unpackedFolder, "usr", "bin")) ?? unpacked();
}

function unpacked(): Prometheus {
  const folder = `${unpackedFolder}-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    const download = spawnSync("apt-get", ["-q", "download", "prometheus"], {
      cwd: folder,
      timeout: 120_000,
      encoding: "utf8",
    });
    const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (file === undefined) {
      const reason = download.error?.message ?? download.stderr.trim().split("\n").at(-1) ?? "unknown";
      return { missing: `the package "prometheus" of Debian could not be downloaded: ${reason}` };
    }
    spawnSync("dpkg", ["-x", file, "."], { cwd: folder });
    rmSync(join(folder, file));
    if (!existsSync(unpackedFolder)) renameSync(folder, unpackedFolder);
    return at(join(unpackedFolder, "usr", "bin")) ?? { missing: "its package could not be unpacked" };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
