// The laws of adapters on Kysely.
import { describeAdapter } from "./adapter-suite.ts";
import { kyselyControlledLibrary, kyselyLibrary } from "./libraries/kysely.ts";

describeAdapter(kyselyLibrary);
describeAdapter(kyselyControlledLibrary);
