/** Pointer and keyboard on a heat map: which cell is pointed at, opened, read out. */
import { catchKeys } from "../catch-keys";
import { type Cell, cellAt, type Layout } from "./layout";
import { keyAction } from "./navigation";

export interface HeatmapEvents {
  /** The pointer or the keyboard is on a cell (row -1: on a column's label), or has left. */
  hover(cell: Cell | null): void;
  /** Click, tap or Enter on a cell or a column's label. */
  open(cell: Cell): void;
  /** Escape. */
  leave(): void;
  /** What assistive technology says about a cell. */
  describe(cell: Cell): string;
  /** The columns need more room than there is, or no longer do. */
  crowded(is: boolean): void;
}

/** What the gestures need to know of the map, and what they make it do. */
export interface GestureHost {
  layout(): Layout | null;
  scroll(): { readonly x: number; readonly y: number };
  /** The keyboard has moved to a cell. */
  cursor(cell: Cell): void;
  pointed(cell: Cell | null): void;
}

export class Gestures {
  readonly live = document.createElement("div");
  readonly #element: HTMLElement;
  readonly #events: HeatmapEvents;
  readonly #host: GestureHost;
  #size = { rows: 0, columns: 0 };
  #cursor: Cell | null = null;
  #pointed: Cell | null = null;
  #pointer = { x: -1, y: -1 };
  /** The keyboard points, and scrolls where it goes. */
  #byKey = false;

  constructor(element: HTMLElement, events: HeatmapEvents, ended: AbortSignal, host: GestureHost) {
    this.#element = element;
    this.#events = events;
    this.#host = host;
    this.live.className = "ew-unseen";
    this.live.setAttribute("aria-live", "polite");
    element.tabIndex = 0;
    // Arrow keys are for the map, not for a screen reader's own cursor.
    element.setAttribute("role", "application");
    this.#listen(ended);
  }

  get pointed(): Cell | null {
    return this.#pointed;
  }

  /** Where the keyboard is, while the map has the focus. */
  get cursor(): Cell | null {
    return this.#cursor;
  }

  /** The map has another size: what lay outside is gone. */
  resized(rows: number, columns: number): void {
    this.#size = { rows, columns };
    const gone = (cell: Cell | null) => cell !== null && (cell.row >= rows || cell.column >= columns);
    if (gone(this.#cursor)) this.#cursor = null;
    if (gone(this.#pointed)) this.#point(null);
  }

  /** Another cell lies under the pointer now, which has not moved. */
  scrolled(): void {
    if (!this.#byKey) this.#point(null);
  }

  #listen(signal: AbortSignal): void {
    const element = this.#element;
    element.addEventListener("pointermove", (event) => this.#moved(event), { signal, passive: true });
    element.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.#point(null), { signal });
    element.addEventListener("click", (event) => this.#clicked(event), { signal });
    catchKeys(element, signal, (event) => this.#pressed(event));
    element.addEventListener("blur", () => element.matches(":hover") || this.#point(null), { signal });
  }

  #at(event: MouseEvent): Cell | null {
    const layout = this.#host.layout();
    if (!layout) return null;
    const origin = this.#element.getBoundingClientRect();
    return cellAt(layout, event.clientX - origin.left, event.clientY - origin.top, this.#host.scroll());
  }

  /** Only a pointer that moves points: the map may also scroll, or appear, under one at rest. */
  #moved(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    const moved = event.clientX !== this.#pointer.x || event.clientY !== this.#pointer.y;
    this.#pointer = { x: event.clientX, y: event.clientY };
    if (!moved) return;
    this.#byKey = false;
    this.#point(this.#at(event));
  }

  #clicked(event: MouseEvent): void {
    const cell = this.#at(event);
    const touch = event instanceof PointerEvent && event.pointerType === "touch";
    if (!cell) {
      this.#point(null);
      return;
    }
    if (cell.row >= 0) this.#cursor = cell;
    // A finger can't hover: the first tap is the hover, the second opens.
    const known = same(cell, this.#pointed);
    this.#point(cell);
    if (!touch || known) this.#events.open(cell);
  }

  #pressed(event: KeyboardEvent): boolean {
    if (event.target !== this.#element || this.#size.columns === 0) return false;
    const from = this.#cursor ?? { row: Math.max(0, this.#pointed?.row ?? 0), column: this.#pointed?.column ?? 0 };
    const action = keyAction(event, from, this.#size);
    if (!action) return false;
    if (action.kind === "open") this.#events.open(from);
    else if (action.kind === "leave") {
      this.#point(null);
      this.#events.leave();
    } else {
      this.#byKey = true;
      this.#cursor = this.#cursor ? action.to : from;
      this.#host.cursor(this.#cursor);
      this.#point(this.#cursor);
      this.live.textContent = this.#events.describe(this.#cursor);
    }
    return true;
  }

  #point(cell: Cell | null): void {
    if (same(cell, this.#pointed)) return;
    this.#pointed = cell;
    this.#element.dataset.pointed = cell ? `${cell.row},${cell.column}` : "";
    this.#host.pointed(cell);
    this.#events.hover(cell);
  }
}

function same(a: Cell | null, b: Cell | null): boolean {
  return a === b || (a !== null && b !== null && a.row === b.row && a.column === b.column);
}
