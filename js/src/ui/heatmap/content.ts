/** What a heat map shows. */
import type { SequentialTable } from "../../charts/sequential";

export interface Labels {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** What the row labels count, in the corner: `layer`. */
  readonly corner: string;
}

/** How a value becomes a colour and a number. */
export interface CellScale {
  readonly table: SequentialTable;
  /** Step in the table; -1 for no colour. */
  step(value: number): number;
  /** As few characters as possible. */
  text(value: number): string;
  /** A text as wide as they come. */
  readonly widest: string;
}

export interface HeatmapContent {
  readonly labels: Labels;
  /** (rows, columns) */
  readonly values: Float32Array;
  /** What assistive technology calls it. */
  readonly caption: string;
  readonly scale: CellScale;
  /** Colours alone, in rows as low as they have to be. */
  readonly bare?: boolean;
  /** A CSS colour for each row, in a bar before its cells. */
  readonly rowMarks?: readonly string[];
}
