// The laws of adapters on TypeORM.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { typeormLibrary } from "./libraries/typeorm.ts";

describeAdapter(typeormLibrary);
