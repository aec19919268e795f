/** Which factor colours a token, and how strongly. */
import { categoricalLevel } from "../../charts/categorical";
import type { FactorSet } from "./factor-set";

/** Rows of the factors that may colour tokens: the one looked at, else those pinned, else all. */
export function coloringRows(set: FactorSet, focus: number | null, pinned: readonly number[]): number[] {
  const focused = focus === null ? -1 : set.ids.indexOf(focus);
  if (focused >= 0) return [focused];
  const rows = pinned.map((id) => set.ids.indexOf(id)).filter((row) => row >= 0);
  return rows.length > 0 ? rows.sort((a, b) => a - b) : set.ids.map((_, row) => row);
}

/** How strongly a factor is loaded at a token, as a share of its peak; NaN where there is no state. */
export function strength(set: FactorSet, row: number, token: number): number {
  const peak = set.peak[row] ?? 0;
  const loading = set.loadings[row]?.[token] ?? Number.NaN;
  return peak > 0 ? Math.min(1, Math.abs(loading) / peak) : loading === 0 ? 0 : Number.NaN;
}

/** The row with the largest loading at a token; -1 if none is above zero. */
export function strongest(set: FactorSet, rows: readonly number[], token: number): number {
  let best = -1;
  let most = 0;
  for (const row of rows) {
    const loading = Math.abs(set.loadings[row]?.[token] ?? Number.NaN);
    if (!(loading > most)) continue;
    most = loading;
    best = row;
  }
  return best;
}

/** Rows in the order of their loadings at a token, largest first; without those that are zero. */
export function ranked(set: FactorSet, token: number): number[] {
  const size = (row: number) => Math.abs(set.loadings[row]?.[token] ?? Number.NaN);
  return set.ids
    .map((_, row) => row)
    .filter((row) => size(row) > 0)
    .sort((a, b) => size(b) - size(a));
}

/** Fills `out` with the level of each token in the table of `categorical`. */
export function tokenLevels(set: FactorSet, rows: readonly number[], out: Int16Array): Int16Array {
  for (let token = 0; token < out.length; token++) {
    const row = strongest(set, rows, token);
    out[token] = row < 0 ? 0 : categoricalLevel(set.ids[row] ?? 0, strength(set, row, token));
  }
  return out;
}
