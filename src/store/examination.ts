/** What a store says about the health of its database. */

/** Something about the database that weakens what is promised, and what to do about it. */
export interface StoreFinding {
  /** Literal name, for machines. */
  readonly code: string;
  /** `error`: tasks are not executed, or can be lost. `warning`: slower, or less safe than it could be. */
  readonly severity: "error" | "warning";
  readonly problem: string;
  readonly remedy: string;
}

/** What a store finds out about its own database. */
export interface StoreExamination {
  /** Version of the tables in the database (0: none), and the one this library works with. */
  readonly schemaVersion: { readonly found: number; readonly known: number };
  /** The database's clock. */
  readonly now: Date;
  readonly findings: readonly StoreFinding[];
}
