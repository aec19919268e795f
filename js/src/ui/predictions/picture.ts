/** What the table of candidates shows. */

export interface Candidate {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

export interface LayerRow {
  readonly layer: number;
  readonly name: string;
  /** Best first. */
  readonly candidates: readonly Candidate[];
  /** What the layer makes of the token that stands there; null without one. */
  readonly actual: { readonly rank: number; readonly probability: number } | null;
}

export interface Predictions {
  /** From the top row to the bottom row. */
  readonly rows: readonly LayerRow[];
  /** Columns. */
  readonly k: number;
  /** The token that stands at the position. */
  readonly actual: { readonly id: number; readonly text: string } | null;
  /** Colours of watched tokens, by id. */
  readonly watched: ReadonlyMap<number, string>;
  /** They belong to an earlier choice. */
  readonly faded: boolean;
}

/** Where a key leads in a table of rows and columns; null for keys that mean nothing there. */
export function moveInGrid(
  key: string,
  from: readonly [number, number],
  [rows, columns]: readonly [number, number],
  single: boolean,
): readonly [number, number] | null {
  const [row, column] = from;
  // A single layer is drawn as a list: down is the next candidate.
  if (single) {
    const to = { ArrowUp: column - 1, ArrowDown: column + 1, Home: 0, End: columns - 1 }[key];
    return to === undefined ? null : [row, clamp(to, columns)];
  }
  switch (key) {
    case "ArrowLeft":
      return [row, clamp(column - 1, columns)];
    case "ArrowRight":
      return [row, clamp(column + 1, columns)];
    case "ArrowUp":
      return [clamp(row - 1, rows), column];
    case "ArrowDown":
      return [clamp(row + 1, rows), column];
    case "Home":
      return [row, 0];
    case "End":
      return [row, columns - 1];
    default:
      return null;
  }
}

function clamp(value: number, size: number): number {
  return Math.max(0, Math.min(size - 1, value));
}
