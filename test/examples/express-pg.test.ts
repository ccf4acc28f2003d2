// The example with Express and pg keeps what it promises.
import { testShop, typescriptProgram } from "./shop-laws.ts";

testShop({ name: "express-pg", web: typescriptProgram("src/main.ts") });
