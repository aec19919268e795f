/** Colours of things that are told apart (watched tokens, factors): custom properties of the style sheet, so that themes apply. */

/** Distinct colours; further series take them again. */
export const SERIES = 8;

/** The CSS value of a series' colour. */
export function seriesColor(index: number): string {
  return `var(--ew-series-${index % SERIES})`;
}

/** The dash pattern of a series' line: colours that come again differ by it. */
export function seriesDash(index: number): string {
  return ["", "6 3", "2 3"][Math.floor(index / SERIES) % 3] ?? "";
}
