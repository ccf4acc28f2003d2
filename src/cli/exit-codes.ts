/** What the exit codes of the command line mean. docs/operations.md explains them to people. */

/** Exit codes; each has one meaning in every command. */
export const exitCodes = Object.freeze({
  /** Done, or all is in order. */
  done: 0,
  /** Something nobody foresaw: a bug of ours, or of a file that was loaded. */
  unexpected: 1,
  /** The command line, or the settings it read, cannot be used. Nothing was done. */
  usage: 2,
  /** The database cannot be reached, or did not answer in time. */
  unavailable: 3,
  /** The tables are missing, older than this version, or newer. */
  schema: 4,
  /** No task of that id is kept. */
  notFound: 5,
  /** Refused: the task is in another state, a file is in the way, some tasks of many were left. */
  refused: 6,
  /** The doctor found something. */
  findings: 7,
  /** Nothing was done, since nobody said yes. */
  notConfirmed: 8,
  /** Stopped by Ctrl-C; what was done stands. */
  interrupted: 130,
});

/** One of them. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
