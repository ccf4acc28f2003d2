/** Says what went wrong in words, and with which exit code the command ends. */
import {
  InvalidInputError,
  OwedError,
  SchemaMissingError,
  SchemaTooNewError,
  StoreUnavailableError,
  TaskNotFoundError,
  TaskStateError,
} from "../errors.ts";
import { safeError } from "../task/safe-error.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";

/** What went wrong. */
export interface Failure {
  readonly exitCode: ExitCode;
  /** Literal name, for machines. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
}

/** What to do about errors of the network and of Postgres, by their codes. */
const hints: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens at that host and port: is the server up, is the address right?"],
  ["ENOTFOUND", "the host name is not known: is it spelled right, is there a network?"],
  ["EAI_AGAIN", "the name server does not answer: is there a network?"],
  ["ETIMEDOUT", "the server does not answer: is a firewall in between?"],
  ["ECONNRESET", "the server closed the connection: look at its log"],
  ["ENOENT", "there is no such socket: is the server up?"],
  ["28P01", "the password was refused: look at user and password of the connection string"],
  [
    "28000",
    "the login was refused: look at pg_hba.conf, and whether the server demands TLS (sslmode=require)",
  ],
  ["3D000", "there is no such database on that server"],
  ["42501", "the role lacks the rights: use the role that owns the schema, or grant them"],
  ["53300", "the server has no connection left: look at max_connections"],
  ["57P03", "the server is starting up or shutting down: try again"],
  ["08P01", "a pooler refuses what the store pins when it connects: give --pooler, or set OWED_POOLER=1"],
  ["26000", "a transaction pooler stands in between: give --pooler, or set OWED_POOLER=1"],
  ["42P05", "a transaction pooler stands in between: give --pooler, or set OWED_POOLER=1"],
  ["57014", "the statement took too long: try again when the database has less to do"],
  ["55P03", "somebody holds a lock: try again, and look for long transactions with `owed doctor`"],
]);

/** Explains an error. Nothing that a server or a library said is repeated unless it is known to be harmless. */
export function explained(error: unknown): Failure {
  if (error instanceof UsageError) {
    return { exitCode: exitCodes.usage, code: error.code, message: error.message, remedy: error.remedy };
  }
  if (!(error instanceof OwedError)) {
    const { name, message, code } = safeError(error);
    return {
      exitCode: exitCodes.unexpected,
      code: code ?? "OWED_UNEXPECTED",
      message: `unexpected ${name}: ${message}`,
      remedy: "run it again with OWED_DEBUG=1 to see where it comes from; it may be worth an issue",
    };
  }
  const { code, message } = error;
  if (error instanceof StoreUnavailableError) return unavailable(error);
  if (error instanceof InvalidInputError) {
    return { exitCode: exitCodes.usage, code, message, remedy: null };
  }
  if (error instanceof SchemaMissingError) {
    return { exitCode: exitCodes.schema, code, message: firstClause(message), remedy: "run: `owed migrate`" };
  }
  if (error instanceof SchemaTooNewError) {
    return { exitCode: exitCodes.schema, code, message, remedy: null };
  }
  if (error instanceof TaskNotFoundError) {
    return {
      exitCode: exitCodes.notFound,
      code,
      message,
      remedy: "look for ids that begin alike: `owed tasks --prefix=TEXT`",
    };
  }
  if (error instanceof TaskStateError) return { exitCode: exitCodes.refused, code, message, remedy: null };
  return { exitCode: exitCodes.unexpected, code, message, remedy: null };
}

function unavailable(error: StoreUnavailableError): Failure {
  const cause = causeCode(error.cause);
  const inBrackets = cause === null || error.message.includes(cause) ? "" : ` (${cause})`;
  return {
    exitCode: exitCodes.unavailable,
    code: error.code,
    message: `${error.message}${inBrackets}`,
    remedy: (cause === null ? undefined : hints.get(cause)) ?? null,
  };
}

/** The code of what a store was told by the network or the database; null when it has none. */
export function causeCode(cause: unknown): string | null {
  if (typeof cause !== "object" || cause === null) return null;
  const { code } = cause as { readonly code?: unknown };
  if (typeof code === "string" && /^[A-Z0-9_]{5,20}$/.test(code)) return code;
  // pg says so without a code.
  return cause instanceof Error && /timeout/i.test(cause.message) ? "ETIMEDOUT" : null;
}

/** Without the advice for programmers that stands behind the colon. */
function firstClause(message: string): string {
  return message.replace(/: (?:call|the tables).*$/s, "");
}
