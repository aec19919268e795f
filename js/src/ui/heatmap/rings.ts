/** Rings around cells and columns: elements above the canvas, so that moving one paints nothing anew. */
import { type Box, type Cell, cellBox, type Layout } from "./layout";

type RingName = "hover" | "cursor" | "selected" | "marked" | "row";

/** Rings reach beyond their cells by this much. */
const OUT = 2;

interface Offset {
  readonly x: number;
  readonly y: number;
}

export class Rings {
  readonly element = document.createElement("div");
  readonly #rings = new Map<RingName, HTMLElement>();

  constructor() {
    this.element.className = "ew-heatmap-rings";
    for (const name of ["marked", "selected", "row", "hover", "cursor"] as const) {
      const ring = document.createElement("div");
      ring.className = `ew-ring ew-ring-${name}`;
      ring.hidden = true;
      this.#rings.set(name, ring);
      this.element.append(ring);
    }
  }

  /** Rings never cover the labels. */
  frame({ left, top }: Layout): void {
    this.element.style.left = `${left - OUT}px`;
    this.element.style.top = `${top - OUT}px`;
  }

  show(name: RingName, layout: Layout | null, cell: Cell | null, scroll: Offset): void {
    this.#place(name, layout, layout && cell ? cellBox(layout, cell, scroll) : null);
  }

  showColumn(name: RingName, layout: Layout | null, column: number | null, scroll: Offset): void {
    if (!layout || column === null || column < 0 || column >= layout.columns) {
      this.#place(name, layout, null);
      return;
    }
    const first = cellBox(layout, { row: 0, column }, scroll);
    this.#place(name, layout, { ...first, height: layout.rows * layout.cellHeight });
  }

  showRow(layout: Layout | null, row: number | null, scroll: Offset): void {
    if (!layout || row === null || row < 0 || row >= layout.rows) {
      this.#place("row", layout, null);
      return;
    }
    const first = cellBox(layout, { row, column: 0 }, scroll);
    this.#place("row", layout, { ...first, width: layout.columns * layout.cellWidth });
  }

  #place(name: RingName, layout: Layout | null, box: Box | null): void {
    const ring = this.#rings.get(name);
    if (!ring) return;
    ring.hidden = box === null;
    if (!box || !layout) return;
    // The picture's colour ends a gap before the cell's edge; the ring goes around the colour.
    const out = 1;
    ring.style.transform = `translate(${box.x - layout.left + OUT - out}px, ${box.y - layout.top + OUT - out}px)`;
    ring.style.width = `${box.width + 2 * out}px`;
    ring.style.height = `${box.height + 2 * out}px`;
  }
}
