/** `npm run demo`: does what the arguments ask for. The rest is loaded only if it is to run. */
import { usage, wishOf } from "./arguments.ts";

const wish = wishOf(process.argv.slice(2));
if (wish.kind === "help") process.stdout.write(`${usage}\n`);
else if (wish.kind === "wrong") {
  process.stderr.write(`${wish.problem}\n\n${usage}\n`);
  process.exitCode = 2;
} else {
  const { run } = await import("./run.ts");
  // Connections that are kept alive would hold the process for some seconds.
  process.exit(await run(wish.database));
}
