/** A command line, or a setting it read, that cannot be used. */

/** Thrown before anything is done. */
export class UsageError extends Error {
  /** Literal name, for machines. */
  readonly code = "OWED_USAGE";
  /** What to do about it. */
  readonly remedy: string;

  constructor(problem: string, remedy: string) {
    super(problem);
    this.name = "UsageError";
    this.remedy = remedy;
  }
}
