/** `owed/conformance`: the laws of the store contract, for anyone who writes a store. Bound to no test runner. */
export type { ConformanceHarness, ConformanceTransaction, Law } from "./harness.ts";
export {
  type ConformanceOptions,
  type ConformanceRunner,
  registerStoreConformance,
  runLaw,
  type SkippedLaw,
} from "./register.ts";
export { storeLaws } from "./store-laws.ts";
