// The package as it is published: packed, unpacked into a project, and used from both kinds of modules.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
};
const modules = Object.keys(exports).filter((path) => path !== "./package.json");
const nameOf = (path: string): string => path.replace(/^\./, "owed");

/** A project below the repository, so that the drivers are found there; "owed" is its own copy. */
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(root, ".example-"));
  const folder = join(project, "node_modules", "owed");
  mkdirSync(folder, { recursive: true });
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename } = { filename: "" }] = JSON.parse(packed) as readonly { readonly filename: string }[];
  execFileSync("tar", ["-xzf", join(project, filename), "--strip-components", "1", "-C", folder]);
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function unpacked(): string {
  return join(project, "node_modules", "owed");
}

/** What a packed page links to, inside the package. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(unpacked(), page), "utf8");
  return [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = ""]) => join(dirname(page), path));
}

/** What a file of the project prints. */
function run(file: string, code: string): string {
  writeFileSync(join(project, file), code);
  const output = execFileSync(process.execPath, [file], { cwd: project, encoding: "utf8", stdio: "pipe" });
  return output.trim();
}

const bothWays = `
const shop = defineTask({ type: "receipt.send" });
const scheduler = new Scheduler({ store: memoryStore(), executors: [executor(shop, () => console.log("executed"))] });
const refuse = () => scheduler.list({ state: "nothing" }).catch((error) => console.log(error instanceof InvalidInputError));
const go = async () => {
  await scheduler.start();
  const { receipts } = await scheduler.transaction((tx) => tx.enqueue(shop, {}));
  await scheduler.tryExecuteNow(receipts);
  await refuse();
  await scheduler.stop();
};
go();`;

describe("the package", () => {
  it("holds every file that it exports, and the pages that its errors and its README name", () => {
    const promised = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    const pages = ["README.md", "LICENSE", "CHANGELOG.md", "docs/errors.md", "docs/events.md"];
    expect([...promised, ...pages].filter((path) => !existsSync(join(unpacked(), path)))).toEqual([]);
  });

  it("holds every page that one of its pages links to", () => {
    const packed = readdirSync(unpacked(), { recursive: true, encoding: "utf8" });
    const links = packed.filter((path) => path.endsWith(".md")).flatMap(linksOf);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((path) => !existsSync(join(unpacked(), path)))).toEqual([]);
  });

  it("holds no maps to sources that are not in it", () => {
    const packed = readdirSync(unpacked(), { recursive: true, encoding: "utf8" });
    expect(packed.filter((path) => path.endsWith(".map"))).toEqual([]);
    expect(readFileSync(join(unpacked(), "dist", "index.js"), "utf8")).not.toContain("sourceMappingURL");
  });

  it("is built by npm pack, also where nothing was built before", () => {
    const clone = join(project, "clone");
    for (const path of ["package.json", "tsconfig.json", "tsconfig.build.json", "src", "scripts/build.mjs"])
      cpSync(join(root, path), join(clone, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
    execFileSync("npm", ["pack", "--pack-destination", clone], { cwd: clone, stdio: "ignore" });
    const tarball = readdirSync(clone).find((name) => name.endsWith(".tgz")) ?? "";
    const listed = execFileSync("tar", ["-tzf", join(clone, tarball)], { encoding: "utf8" });
    expect(listed.split("\n")).toContain("package/dist/index.js");
  });

  it("works with import", () => {
    const code = `import { defineTask, executor, InvalidInputError, Scheduler } from "owed";
import { memoryStore } from "owed/memory";${bothWays}`;
    expect(run("imported.mjs", code)).toBe("executed\ntrue");
  });

  it("works with require, where Node lets require() load a module", () => {
    const code = `const { defineTask, executor, InvalidInputError, Scheduler } = require("owed");
const { memoryStore } = require("owed/memory");${bothWays}`;
    expect(run("required.cjs", code)).toBe("executed\ntrue");
  });

  it.each(modules)("%s is one and the same module for import and require", (path) => {
    const name = JSON.stringify(nameOf(path));
    const code = `const required = require(${name});
import(${name}).then((imported) => {
  const names = Object.keys(imported).filter((name) => name !== "module.exports");
  console.log(names.length > 0 && names.every((name) => imported[name] === required[name]));
});`;
    expect(run("same.cjs", code)).toBe("true");
  });
});
