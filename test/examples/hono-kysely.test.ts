// The example with Hono and Kysely keeps what it promises.
import { testShop, typescriptProgram } from "./shop-laws.ts";

testShop({ name: "hono-kysely", web: typescriptProgram("src/main.ts") });
