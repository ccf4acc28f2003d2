/** Parameters as text: one shape that every driver and every ORM hands on unchanged. */

/** What a statement takes: text or null, whatever the type of the column. */
export type Parameter = string | null;

/**
 * An array literal: a list costs one parameter, however long. Our own statements cast it to the type of its elements;
 * those on a caller's transaction cast it to text first, since some drivers would make an array of it themselves.
 */
export function arrayParameter(values: readonly (string | number | boolean | null)[]): string {
  return `{${values.map(element).join(",")}}`;
}

function element(value: string | number | boolean | null): string {
  if (value === null) return "null";
  if (typeof value !== "string") return String(value);
  if (!value.includes("\\") && !value.includes('"')) return `"${value}"`;
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A number, or null for what is not given. */
export function numberParameter(value: number | null | undefined): Parameter {
  return value === null || value === undefined ? null : String(value);
}
