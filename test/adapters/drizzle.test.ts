// The laws of adapters on Drizzle.
import { describeAdapter } from "./adapter-suite.ts";
import { drizzlePgLibrary, drizzlePostgresJsLibrary } from "./libraries/drizzle.ts";

describeAdapter(drizzlePgLibrary);
describeAdapter(drizzlePostgresJsLibrary);
