/** Numbers short enough for a cell. */
const MINUS = "\u2212";

const UNITS: ReadonlyArray<readonly [number, string]> = [
  [1e6, "M"],
  [1e3, "k"],
];

/** A count in at most four characters: `834`, `1.2k`, `56k`, `1.3M`. */
export function formatCompact(count: number): string {
  if (!Number.isFinite(count)) return Number.isNaN(count) ? "–" : "∞";
  for (const [size, unit] of UNITS) {
    // 999.6 thousand would be written as 1000k.
    if (count < size * 0.9995) continue;
    const value = count / size;
    return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)}${unit}`;
  }
  return String(Math.round(count));
}

/** A value in at most four characters: `0.3`, `−4.1`, `−12`, `104`. */
export function formatShort(value: number): string {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return value < 0 ? `${MINUS}∞` : "∞";
  const digits = size < 9.95 ? size.toFixed(1) : String(Math.round(size));
  return value < 0 && Number(digits) !== 0 ? `${MINUS}${digits}` : digits;
}
