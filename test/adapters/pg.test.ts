// The laws of adapters on the library `pg`.
import { describeAdapter } from "./adapter-suite.ts";
import { pgLibrary } from "./libraries/pg.ts";

describeAdapter(pgLibrary);
