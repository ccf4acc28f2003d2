/** Lengths of time as people write and read them. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const units: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY };

/** Reads "30d", "12h", "90s"; null when it is none. */
export function parseDuration(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(text.trim()) ?? [];
  if (number === undefined || unit === undefined) return null;
  return Number(number) * (units[unit] ?? 0);
}

/** The two largest units that matter: "3 d 4 h", "12 min 5 s", "850 ms". */
export function shownDuration(ms: number): string {
  const length = Math.max(Math.round(ms), 0);
  if (length < SECOND) return `${length} ms`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  const two = (large: number, largeName: string, small: number, smallName: string): string => {
    const rest = Math.floor((length % large) / small);
    return `${Math.floor(length / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
  };
  if (length < HOUR) return two(MINUTE, "min", SECOND, "s");
  if (length < DAY) return two(HOUR, "h", MINUTE, "min");
  return two(DAY, "d", HOUR, "h");
}

/** An instant, in UTC to the second: "2026-11-24 03:12:45 UTC". */
export function shownInstant(instant: Date): string {
  if (Number.isNaN(instant.getTime())) return "at no time";
  return `${instant.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** An instant, and how far it is from now. */
export function shownInstantFrom(instant: Date, now: Date): string {
  const ms = instant.getTime() - now.getTime();
  return `${shownInstant(instant)} (${ms > 0 ? `in ${shownDuration(ms)}` : `${shownDuration(-ms)} ago`})`;
}
