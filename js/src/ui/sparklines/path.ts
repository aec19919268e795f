/** From values to the path of a small line chart, in a box of 1 x 1 per point and height 1. */

/** A chart some hundred pixels wide shows no more points than this. */
export const MOST_POINTS = 300;

/** Where a token lies in the chart, as a share of its width: each has a column of its own, the point is in its middle. */
export function placeOf(token: number, tokens: number): number {
  return (token + 0.5) / Math.max(1, tokens);
}

/** The token at a share of the chart's width. */
export function tokenAt(share: number, tokens: number): number | null {
  if (tokens < 1 || Number.isNaN(share)) return null;
  return Math.min(tokens - 1, Math.max(0, Math.floor(share * tokens)));
}

/**
 * At most `most` values: of neighbours that share a place the largest (or the smallest, if that is farther from zero) is kept,
 * since peaks are what one looks for.
 *
 * NaN stays only where all neighbours are NaN.
 */
export function thinned(values: Float32Array, most = MOST_POINTS): Float32Array {
  if (values.length <= most) return values;
  const out = new Float32Array(most).fill(Number.NaN);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor((i * most) / values.length);
    const value = values[i] ?? Number.NaN;
    const known = out[place] ?? Number.NaN;
    if (Number.isNaN(known) || Math.abs(value) > Math.abs(known)) out[place] = value;
  }
  return out;
}

/** How far down a value is, from 0 (`max`) to 1 (`min`). */
export function depth(value: number, max: number, min: number): number {
  const share = max > min ? Math.min(1, Math.max(0, (value - min) / (max - min))) : 0;
  return 1 - share;
}

/** A number with as few digits as an eye can tell. */
function short(share: number): string {
  return String(Math.round(share * 1000) / 1000);
}

export interface SparkPath {
  /** Points along the width. */
  readonly width: number;
  readonly line: string;
  /** The line, closed along zero. */
  readonly area: string;
}

/**
 * The path of one chart.
 *
 * @param max The value at the top; larger ones are cut off there.
 * @param min The value at the bottom.
 */
export function sparkPath(values: Float32Array, max: number, min = 0): SparkPath {
  const height = (value: number) => short(depth(value, max, min));
  const zero = short(depth(0, max, min));
  const points = thinned(values);
  const width = Math.max(1, points.length);
  let line = "";
  let area = "";
  let start = -1;
  const close = (end: number) => {
    // A single point is a short level line, or nothing would be seen of it.
    if (start === end) line += `H${end + 1}`;
    area += `L${end + 0.5} ${zero}L${start + 0.5} ${zero}Z`;
    start = -1;
  };
  for (let i = 0; i < points.length; i++) {
    const value = points[i] ?? Number.NaN;
    if (Number.isNaN(value)) {
      if (start >= 0) close(i - 1);
      continue;
    }
    const point = `${start < 0 ? "M" : "L"}${i + 0.5} ${height(value)}`;
    if (start < 0) start = i;
    line += start === i && isAlone(points, i) ? `M${i} ${height(value)}` : point;
    area += point;
  }
  if (start >= 0) close(points.length - 1);
  return { width, line, area };
}

function isAlone(points: Float32Array, i: number): boolean {
  return Number.isNaN(points[i + 1] ?? Number.NaN);
}
