// The example with NestJS and TypeORM keeps what it promises; it was compiled by `scripts/prepare-examples.mjs`.
import { testShop } from "./shop-laws.ts";

testShop({ name: "nestjs-typeorm", web: { argv: ["dist/main.js"], portVariable: "PORT", exitCode: 0 } });
