// Names on a command line.

/** Those given, divided by commas; all, when there are none. Throws for a name that is not known. */
export function chosen<Name extends string>(
  given: string | undefined,
  known: readonly Name[],
): readonly Name[] {
  if (given === undefined) return known;
  return given.split(",").map((text) => {
    const name = known.find((one) => one === text.trim());
    if (name === undefined) throw new Error(`there is no ${text}; there are ${known.join(", ")}`);
    return name;
  });
}
