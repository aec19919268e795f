/** Where everything of a heat map is, in CSS pixels; cells lie on whole device pixels, so that they are sharp. */

export interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface LayoutInput {
  readonly rows: number;
  readonly columns: number;
  /** Room for the whole map, without scroll bars. */
  readonly width: number;
  /** Device pixels per CSS pixel. */
  readonly pixelRatio: number;
  /** Widest row label, and the widest of its short form. */
  readonly rowLabel: number;
  /** Widest column label; the last one's matters for what reaches out at the right. */
  readonly columnLabel: number;
  readonly lastColumnLabel: number;
  /** Widest number in a cell. */
  readonly number: number;
  /** Squeeze all columns into the width, numbers or not. */
  readonly fit: boolean;
  /** No numbers, and rows as low as they have to be. */
  readonly bare?: boolean;
  /** There is a bar of colours before the cells. */
  readonly marks?: boolean;
}

export interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly pixelRatio: number;
  /** Top left corner of the first cell. */
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Between a cell's edge and its colour. */
  readonly gap: number;
  readonly radius: number;
  /** Size of everything, of which the scroller shows a part. */
  readonly width: number;
  readonly height: number;
  /** Long column labels go up at an angle, for want of room. */
  readonly turned: boolean;
  /** Every n-th label is shown. */
  readonly columnStep: number;
  readonly rowStep: number;
  /** Width of the bar before the cells, its distance to them included; 0 for none. */
  readonly marks: number;
  /** Are there numbers in the cells? */
  readonly numbers: boolean;
  readonly numberSize: number;
}

export const LABEL_SIZE = 11;
/** Column labels are cut to this length. */
export const LONGEST_LABEL = 74;
/** Label, its distance to the cells. */
const LABEL_GAP = 8;
/** Slope of turned labels: sine and cosine of 45 degrees. */
export const SLOPE = Math.SQRT1_2;

const WIDEST_CELL = 46;
/** Few columns become wide enough for their labels, up to this. */
const WIDEST_LABEL = 66;
/** Numbers want this much, and can do with a little less if that saves scrolling. */
const WIDE_CELL = 34;
const NARROWEST_CELL = 3;
/** Labels closer than this can't be read. */
const LABEL_PITCH = 20;
const ROW_PITCH = 11;

/** The fewer rows, the higher. */
export function rowHeight(rows: number): number {
  if (rows <= 14) return 21;
  if (rows <= 26) return 18;
  if (rows <= 36) return 15;
  return rows <= 64 ? 13 : 10;
}

/** Rows that are no more than a line of colour. */
export function bareRowHeight(rows: number): number {
  if (rows <= 26) return 16;
  if (rows <= 48) return 11;
  if (rows <= 70) return 8;
  if (rows <= 110) return 6;
  return rows <= 180 ? 4 : 3;
}

const MARKS = 11;

function cellWidth({ columns, columnLabel, number, fit }: LayoutInput, room: number): number {
  const even = room / Math.max(1, columns);
  const labelled = columnLabel + 6;
  const widest = labelled <= WIDEST_LABEL ? Math.max(WIDEST_CELL, labelled) : WIDEST_CELL;
  if (fit) return Math.max(NARROWEST_CELL, Math.min(widest, even));
  if (even >= number + 5) return Math.min(widest, even);
  return Math.max(WIDE_CELL, number + 8);
}

export function layOut(input: LayoutInput): Layout {
  const { rows, columns, width, pixelRatio, rowLabel, columnLabel, lastColumnLabel, number } = input;
  const whole = (pixels: number) => Math.max(1, Math.floor(pixels * pixelRatio + 1e-6)) / pixelRatio;
  const near = (pixels: number) => Math.round(pixels * pixelRatio) / pixelRatio;
  const marks = input.marks ? MARKS : 0;
  const left = near(Math.ceil(rowLabel) + LABEL_GAP + marks);
  // Turned labels reach beyond the last column; whether they are turned depends on how wide the columns are.
  const reach = Math.min(lastColumnLabel, LONGEST_LABEL) * SLOPE;
  const flatWidth = cellWidth(input, width - left);
  const turned = columnLabel > flatWidth - 3;
  const beyond = Math.max(0, reach - flatWidth / 2 + 2);
  const wide = whole(turned ? cellWidth(input, width - left - beyond) : flatWidth);
  const high = near(input.bare ? bareRowHeight(rows) : rowHeight(rows));
  const gap = wide >= 12 && high >= 9 ? 1 : wide >= 5 && high >= 5 ? 0.5 : 0;
  // The chosen column's label is bold, and a little longer.
  const rise = Math.min(1.1 * columnLabel, LONGEST_LABEL) * SLOPE;
  const top = near(turned ? rise + LABEL_SIZE + 2 : LABEL_SIZE + LABEL_GAP);
  return {
    rows,
    columns,
    pixelRatio,
    left,
    top,
    cellWidth: wide,
    cellHeight: high,
    gap: near(gap),
    radius: wide >= 20 && high >= 18 ? 3 : wide >= 12 ? 2 : 0,
    width: left + columns * wide + (turned ? beyond : 0),
    height: top + rows * high,
    turned,
    columnStep: Math.ceil(LABEL_PITCH / wide),
    rowStep: Math.ceil(ROW_PITCH / high),
    marks,
    numbers: !input.bare && wide >= number + 4 && high >= 12,
    numberSize: high >= 18 ? 11 : high >= 15 ? 10 : 9.5,
  };
}

/** The cell under a point of the view; the column's label counts as its first row. */
export function cellAt(layout: Layout, x: number, y: number, scroll: { x: number; y: number }): Cell | null {
  if (x < layout.left || y < 0) return null;
  const column = Math.floor((x - layout.left + scroll.x) / layout.cellWidth);
  const row = y < layout.top ? -1 : Math.floor((y - layout.top + scroll.y) / layout.cellHeight);
  if (column < 0 || column >= layout.columns || row >= layout.rows) return null;
  return { row, column };
}

/** A cell's box, in the view. */
export function cellBox(layout: Layout, { row, column }: Cell, scroll: { x: number; y: number }): Box {
  return {
    x: layout.left + column * layout.cellWidth - scroll.x,
    y: layout.top + row * layout.cellHeight - scroll.y,
    width: layout.cellWidth,
    height: layout.cellHeight,
  };
}

/** First and one-past-last index of those that a stretch of pixels touches. */
export function inSight(offset: number, length: number, size: number, count: number): readonly [number, number] {
  const from = Math.max(0, Math.floor(offset / size));
  return [from, Math.max(from, Math.min(count, Math.ceil((offset + length) / size)))];
}

/** How far to scroll so that a stretch comes into sight; unchanged if it is. */
export function scrollTo(offset: number, length: number, start: number, size: number, margin: number): number {
  if (start - margin < offset) return Math.max(0, start - margin);
  if (start + size + margin > offset + length) return start + size + margin - length;
  return offset;
}
