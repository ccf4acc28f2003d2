// The example with Fastify and Drizzle keeps what it promises.
import { testShop, typescriptProgram } from "./shop-laws.ts";

testShop({ name: "fastify-drizzle", web: typescriptProgram("src/main.ts") });
