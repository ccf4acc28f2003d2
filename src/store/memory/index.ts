/** `owed/memory`: a store in the memory of this process, for tests, demos and the simulator. */
export type { Audit, AuditedChange, AuditedTask } from "./audit.ts";
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from "./memory-store.ts";
export { type MemoryRows, MemoryTransaction } from "./transaction.ts";
