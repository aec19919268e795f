/** From a share of the attribution to a level of the colour table. */
import { LEVELS } from "./palettes";

/** Largest absolute value of a row, NaN apart. */
export function maxAbs(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i] ?? 0);
    if (value > max) max = value; // false for NaN
  }
  return max;
}

/**
 * The level of a value: 0 for nothing (and NaN), ±1..LEVELS by its size relative to `domain`.
 *
 * A faint share still gets level 1, so that it differs from none.
 */
export function levelOf(value: number, domain: number): number {
  if (!(domain > 0) || Number.isNaN(value) || value === 0) return 0;
  const level = Math.max(1, Math.round(Math.min(1, Math.abs(value) / domain) * LEVELS));
  return value < 0 ? -level : level;
}

/** Fills `out` with the level of each value of a row. */
export function levelsOf(values: ArrayLike<number>, domain: number, out: Int16Array): Int16Array {
  for (let i = 0; i < out.length; i++) out[i] = levelOf(values[i] ?? Number.NaN, domain);
  return out;
}
