/**
 * Paints the cells in sight: one pixel a cell, enlarged; a pattern in the page's colour cuts the gaps and round corners.
 *
 * A handful of drawing operations whatever the number of cells.
 */
import type { SequentialTable } from "../../charts/sequential";
import type { Appearance } from "./appearance";
import { inSight, type Layout } from "./layout";

/** What is painted: a part of the map, in device pixels. */
export interface Window {
  /** Size of the canvas. */
  readonly width: number;
  readonly height: number;
  /** How far the map is scrolled. */
  readonly x: number;
  readonly y: number;
}

export interface Range {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/** The cells that can be seen. */
export function visibleCells(layout: Layout, view: Window): Range {
  const { pixelRatio, left, top, cellWidth, cellHeight, rows, columns } = layout;
  return {
    rows: inSight(view.y, view.height - top * pixelRatio, cellHeight * pixelRatio, rows),
    columns: inSight(view.x, view.width - left * pixelRatio, cellWidth * pixelRatio, columns),
  };
}

export class CellPainter {
  readonly #scratch = document.createElement("canvas");
  readonly #tile = document.createElement("canvas");
  #tileKey = "";
  #pattern: CanvasPattern | null = null;

  /**
   * @param steps (rows, columns) step of each cell in the table, -1 for none.
   */
  paint(
    context: CanvasRenderingContext2D,
    layout: Layout,
    view: Window,
    steps: Int16Array,
    { pixels }: SequentialTable,
    { page, empty }: Appearance,
  ): void {
    const { rows, columns } = visibleCells(layout, view);
    const width = columns[1] - columns[0];
    const height = rows[1] - rows[0];
    const scratch = this.#scratch.getContext("2d");
    if (width <= 0 || height <= 0 || !scratch) return;
    if (this.#scratch.width < width) this.#scratch.width = width;
    if (this.#scratch.height < height) this.#scratch.height = height;
    const image = scratch.createImageData(width, height);
    const target = new Uint32Array(image.data.buffer);
    for (let row = 0; row < height; row++) {
      const start = (rows[0] + row) * layout.columns + columns[0];
      for (let column = 0; column < width; column++) {
        target[row * width + column] = pixels[steps[start + column] ?? -1] ?? 0;
      }
    }
    scratch.putImageData(image, 0, 0);

    const { pixelRatio } = layout;
    const cellWidth = Math.round(layout.cellWidth * pixelRatio);
    const cellHeight = Math.round(layout.cellHeight * pixelRatio);
    const left = Math.round(layout.left * pixelRatio);
    const top = Math.round(layout.top * pixelRatio);
    const x = left + columns[0] * cellWidth - view.x;
    const y = top + rows[0] * cellHeight - view.y;
    context.save();
    context.beginPath();
    context.rect(left, top, view.width - left, view.height - top);
    context.clip();
    context.fillStyle = empty;
    context.fillRect(x, y, width * cellWidth, height * cellHeight);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#scratch, 0, 0, width, height, x, y, width * cellWidth, height * cellHeight);
    const pattern = this.#gaps(context, layout, cellWidth, cellHeight, page);
    if (pattern) {
      pattern.setTransform(new DOMMatrix([1, 0, 0, 1, x, y]));
      context.fillStyle = pattern;
      context.fillRect(x, y, width * cellWidth, height * cellHeight);
    }
    context.restore();
  }

  #gaps(
    context: CanvasRenderingContext2D,
    layout: Layout,
    width: number,
    height: number,
    page: string,
  ): CanvasPattern | null {
    const gap = Math.round(layout.gap * layout.pixelRatio);
    if (gap === 0) return null;
    const radius = layout.radius * layout.pixelRatio;
    const key = [width, height, gap, radius, page].join(" ");
    const tile = this.#tile.getContext("2d");
    if (key !== this.#tileKey && tile) {
      this.#tileKey = key;
      this.#tile.width = width;
      this.#tile.height = height;
      tile.fillStyle = page;
      tile.beginPath();
      tile.rect(0, 0, width, height);
      tile.roundRect(gap, gap, width - 2 * gap, height - 2 * gap, radius);
      tile.fill("evenodd");
      this.#pattern = context.createPattern(this.#tile, "repeat");
    }
    return this.#pattern;
  }
}
