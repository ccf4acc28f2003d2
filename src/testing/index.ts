/** `owed/testing`: virtual time, and a way to run what is owed, for an application's own tests. */
export { DEFAULT_MAX_EXECUTIONS, type ExecutedTask, executeAll } from "./execute-all.ts";
export { seededRandom } from "./seeded-random.ts";
export {
  DEFAULT_LIMIT_MS,
  DEFAULT_START_MS,
  type VirtualPorts,
  type VirtualPortsOptions,
  virtualPorts,
} from "./virtual-ports.ts";
