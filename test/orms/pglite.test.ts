// The laws of adapters on PGlite.
import { describeAdapter } from "../adapters/adapter-suite.ts";
import { pgliteLibrary } from "./libraries/pglite.ts";

describeAdapter(pgliteLibrary);
