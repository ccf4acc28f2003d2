/** `owed/conformance`: the laws of stores and of adapters, for anyone who writes one. Bound to no test runner. */
export type {
  AdapterCapability,
  AdapterHarness,
  AdapterLacks,
  CallerIsolation,
} from "./adapters/adapter-harness.ts";
export type { AdapterLaw } from "./adapters/adapter-scene.ts";
export { adapterLaws, registerAdapterConformance, runAdapterLaw } from "./adapters/register-adapter.ts";
export type { ConformanceHarness, ConformanceTransaction, Law } from "./harness.ts";
export {
  type ConformanceOptions,
  type ConformanceRunner,
  registerStoreConformance,
  runLaw,
  type SkippedLaw,
} from "./register.ts";
export { storeLaws } from "./store-laws.ts";
