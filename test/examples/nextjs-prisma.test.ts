// The example with Next.js and Prisma keeps what it promises; it was built by `scripts/prepare-examples.mjs`.
import { readFileSync } from "node:fs";
import { testShop } from "./shop-laws.ts";

const example = new URL("../../examples/nextjs-prisma/", import.meta.url);
const next = new URL("../node_modules/next/dist/bin/next", example);

testShop({
  name: "nextjs-prisma",
  // 143 is how `next start` says that SIGTERM has ended it, after the requests that ran.
  web: { argv: [next.pathname, "start"], portVariable: "PORT", exitCode: 143 },
  worker: { argv: ["--import", "tsx", "worker/main.ts"], portVariable: "WORKER_PORT", exitCode: 0 },
  // What `prisma migrate deploy` would run; that needs an engine which not every machine can download.
  migration: readFileSync(new URL("prisma/migrations/0001_orders/migration.sql", example), "utf8"),
});
