/** Parameters as text: one shape that every driver and every ORM hands on unchanged. */

/** What a statement takes: text or null, whatever the type of the column. */
export type Parameter = string | null;

/** An array literal, to be cast as `cast(cast($1 as text) as text[])`: a list costs one parameter, however long. */
export function arrayParameter(values: readonly (string | number | boolean | null)[]): string {
  return `{${values.map(element).join(",")}}`;
}

function element(value: string | number | boolean | null): string {
  if (value === null) return "null";
  if (typeof value !== "string") return String(value);
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A number, or null for what is not given. */
export function numberParameter(value: number | null | undefined): Parameter {
  return value === null || value === undefined ? null : String(value);
}
