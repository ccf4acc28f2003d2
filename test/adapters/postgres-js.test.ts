// The laws of adapters on the library `postgres`.
import { describeAdapter } from "./adapter-suite.ts";
import { postgresJsLibrary } from "./libraries/postgres-js.ts";

describeAdapter(postgresJsLibrary);
