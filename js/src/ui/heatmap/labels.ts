/** Paints row labels, column labels and the numbers in the cells. The context is in CSS pixels. */
import type { SequentialTable } from "../../charts/sequential";
import type { Appearance } from "./appearance";
import { type Range, visibleCells, type Window } from "./cells";
import type { Labels } from "./content";
import { LABEL_SIZE, type Layout, LONGEST_LABEL, SLOPE } from "./layout";
import type { TextFitter } from "./text";

export const labelFont = (family: string, bold = false) => `${bold ? "700 " : ""}${LABEL_SIZE}px ${family}`;

export const numberFont = (layout: Layout, family: string) => `${layout.numberSize}px ${family}`;

export interface TextTask {
  readonly context: CanvasRenderingContext2D;
  readonly layout: Layout;
  readonly view: Window;
  readonly look: Appearance;
  readonly fitter: TextFitter;
}

function clipped(context: CanvasRenderingContext2D, box: readonly [number, number, number, number], draw: () => void) {
  context.save();
  context.beginPath();
  context.rect(...box);
  context.clip();
  draw();
  context.restore();
}

/** The bar of colours before the cells; neighbours of one colour are one piece. */
export function paintRowMarks({ context, layout, view }: TextTask, marks: readonly string[]): void {
  const { pixelRatio, left, top, cellHeight } = layout;
  const height = view.height / pixelRatio;
  const [from, to] = visibleCells(layout, view).rows;
  clipped(context, [0, top, left, height - top], () => {
    for (let row = from; row < to; row++) {
      const color = marks[row] ?? "";
      const y = top + row * cellHeight - view.y / pixelRatio;
      context.fillStyle = color;
      context.fillRect(left - layout.marks + 2, y, 6, cellHeight - (marks[row + 1] === color ? 0 : 1));
    }
  });
}

export function paintRowLabels({ context, layout, view, look, fitter }: TextTask, { rows, corner }: Labels): void {
  const { pixelRatio, top, cellHeight, rowStep } = layout;
  const left = layout.left - layout.marks;
  const font = labelFont(look.family);
  const height = view.height / pixelRatio;
  const [from, to] = visibleCells(layout, view).rows;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = look.soft;
  context.font = font;
  if (corner) context.fillText(corner, left - 8, top - LABEL_SIZE / 2 - 3);
  clipped(context, [0, top, left, height - top], () => {
    for (let row = from; row < to; row++) {
      if (row % rowStep !== 0) continue;
      const y = top + (row + 0.5) * cellHeight - view.y / pixelRatio;
      context.fillText(fitter.fit(rows[row] ?? "", font, left - 8), left - 8, y + 0.5);
    }
  });
}

/** From this width on short labels stand upright between turned ones without touching them. */
const ROOMY = 26;

/** Columns whose label stands out: the chosen one, and one that is marked. */
export interface Emphasis {
  readonly selected: number | null;
  readonly marked: number | null;
}

export function paintColumnLabels(task: TextTask, { columns }: Labels, { selected, marked }: Emphasis): void {
  const { context, layout, view, look } = task;
  const { pixelRatio, left, top, cellWidth, columnStep, turned } = layout;
  const [from, to] = visibleCells(layout, view).columns;
  const width = view.width / pixelRatio;
  // A turned label of a column that has left the view may still reach into it.
  const before = turned ? Math.ceil((LONGEST_LABEL * SLOPE) / cellWidth) : 0;
  const special = [selected, marked].filter((column): column is number => column !== null);
  const draw = (column: number, bold: boolean) => {
    const font = labelFont(look.family, bold);
    const label = columns[column] ?? "";
    const x = left + (column + 0.5) * cellWidth - view.x / pixelRatio;
    const flat = !turned || (cellWidth >= ROOMY && task.fitter.width(label, font) <= cellWidth - 4);
    const text = task.fitter.fit(label, font, flat ? cellWidth - 2 : LONGEST_LABEL);
    context.font = font;
    context.textBaseline = flat ? "alphabetic" : "middle";
    context.textAlign = flat ? "center" : "left";
    if (flat) {
      context.fillText(text, x, top - 6);
      return;
    }
    context.save();
    context.translate(x - 1, top - 7);
    context.rotate(-Math.PI / 4);
    context.fillText(text, 0, 0);
    context.restore();
  };
  clipped(context, [left - (turned ? 6 : 0), 0, width - left + 6, top], () => {
    context.fillStyle = look.soft;
    for (let column = Math.max(0, from - before); column < to; column++) {
      const crowded = special.some((other) => other === column || Math.abs(other - column) < columnStep - 1);
      if (column % columnStep === 0 && !crowded) draw(column, false);
    }
    if (marked !== null && marked !== selected) {
      context.fillStyle = look.ink;
      draw(marked, false);
    }
    if (selected !== null) {
      context.fillStyle = look.accent;
      draw(selected, true);
    }
  });
}

/** Writes the numbers, one ink after the other: changing colours is what costs. */
export function paintNumbers(
  { context, layout, view, look }: TextTask,
  steps: Int16Array,
  table: SequentialTable,
  text: (index: number) => string,
): void {
  if (!layout.numbers) return;
  const { pixelRatio, left, top, cellWidth, cellHeight, columns } = layout;
  const range: Range = visibleCells(layout, view);
  context.font = numberFont(layout, look.family);
  context.textAlign = "center";
  context.textBaseline = "middle";
  clipped(context, [left, top, view.width / pixelRatio - left, view.height / pixelRatio - top], () => {
    const inks = [...new Set(table.inks), look.soft];
    for (const ink of inks) {
      context.fillStyle = ink;
      for (let row = range.rows[0]; row < range.rows[1]; row++) {
        const y = top + (row + 0.5) * cellHeight - view.y / pixelRatio + 0.5;
        for (let column = range.columns[0]; column < range.columns[1]; column++) {
          const index = row * columns + column;
          if ((table.inks[steps[index] ?? -1] ?? look.soft) !== ink) continue;
          context.fillText(text(index), left + (column + 0.5) * cellWidth - view.x / pixelRatio, y);
        }
      }
    }
  });
}
