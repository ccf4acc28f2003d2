// The laws of adapters on MikroORM.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { mikroOrmLibrary } from "./libraries/mikro-orm.ts";

describeAdapter(mikroOrmLibrary);
