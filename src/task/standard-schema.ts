/** The part of the Standard Schema interface this library calls; zod, valibot, arktype and others have it. */

/** What a validation answers. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing a schema found wrong. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Any Standard Schema, version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema accepts. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** What a schema gives. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

/** Issues as lines of text, each with its path. The data itself is left out. */
export function issueLines(issues: readonly SchemaIssue[]): readonly string[] {
  return issues.slice(0, 10).map((issue) => {
    const path = (issue.path ?? [])
      .map((part) => String(typeof part === "object" && part !== null ? part.key : part))
      .join(".");
    const message = issue.message.replace(RECEIVED_VALUE, "received something else");
    return path === "" ? message : `${path}: ${message}`;
  });
}

/** Some schemas repeat the value they received in their message; the name of its kind may stay. */
const RECEIVED_VALUE =
  /\breceived (?!(?:string|number|boolean|bigint|object|array|date|map|set|null|undefined|nan|function|symbol)\b).*/is;
