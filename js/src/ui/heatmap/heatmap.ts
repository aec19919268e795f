/**
 * A map of rows and columns with a colour, and where there is room a number, in each cell. Painted on a canvas of the size of
 * what is in sight, so that thousands of columns cost no more than those that are seen; labels stay in sight while it scrolls.
 *
 * It knows numbers, labels and gestures; what they mean is the view's business. Rings around cells are elements above the
 * canvas: pointing paints nothing anew.
 */
import { onAbort } from "../../host/listen";
import { readAppearance } from "./appearance";
import { arrange } from "./arrange";
import { CellPainter, type Window } from "./cells";
import type { HeatmapContent } from "./content";
import { Gestures, type HeatmapEvents } from "./gestures";
import { paintColumnLabels, paintNumbers, paintRowLabels, paintRowMarks, type TextTask } from "./labels";
import { type Box, type Cell, cellBox, type Layout, scrollTo } from "./layout";
import { Rings } from "./rings";
import { watchSurroundings } from "./surroundings";
import { UnseenTable } from "./table";
import { TextFitter } from "./text";

export interface HeatmapState {
  readonly selected: number | null;
  /** A column that is looked at elsewhere. */
  readonly marked: number | null;
  /** The picture belongs to another choice. */
  readonly faded: boolean;
  /** All columns squeezed into the width. */
  readonly fit: boolean;
  /** A row that stands out. */
  readonly row?: number | null;
}

/** Higher maps scroll. */
const MAX_HEIGHT = 720;
/** Hosts swap style sheets after they have said that the theme is another. */
const LATE_STYLES_MS = [80, 450];

const NOTHING: HeatmapState = { selected: null, marked: null, faded: false, fit: false };

export class Heatmap {
  readonly element = box("ew-map");
  /** What scrolls, and takes the focus. */
  readonly scroller = box("ew-heatmap");
  readonly #content = box("ew-heatmap-content");
  readonly #view = box("ew-heatmap-view");
  readonly #canvas = document.createElement("canvas");
  readonly #table: UnseenTable;
  readonly #rings = new Rings();
  readonly #gestures: Gestures;
  readonly #events: HeatmapEvents;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #cells = new CellPainter();
  readonly #fitter = new TextFitter(document.createElement("canvas").getContext("2d"));
  readonly #ended: AbortSignal;
  #map: HeatmapContent | null = null;
  #state = NOTHING;
  #steps = new Int16Array(0);
  #layout: Layout | null = null;
  #crowded = false;
  #frame = 0;
  #toReveal: number | null = null;

  constructor(events: HeatmapEvents, ended: AbortSignal) {
    this.#ended = ended;
    this.#events = events;
    // Text and small cells are faster without a round trip to a graphics card, and can be read back by tests and exports.
    this.#context = this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.scroller.setAttribute("aria-roledescription", "heat map");
    this.scroller.setAttribute("aria-description", "Arrow keys move from cell to cell, Enter opens, Escape leaves.");
    this.#view.append(this.#canvas, this.#rings.element);
    this.#content.append(this.#view);
    this.#table = new UnseenTable(ended);
    this.scroller.append(this.#content);
    this.#gestures = new Gestures(this.scroller, events, ended, {
      layout: () => this.#placed(),
      scroll: () => this.#scroll(),
      cursor: (cell) => this.#moveCursor(cell),
      pointed: (cell) => this.#rings.show("hover", this.#layout, cell && cell.row >= 0 ? cell : null, this.#scroll()),
    });
    this.element.append(this.scroller, this.#table.element, this.#gestures.live);
    // Scroll events come before the frame's paint: painting at once keeps cells and bar together.
    const scrolled = () => {
      this.#gestures.scrolled();
      this.paint();
    };
    this.scroller.addEventListener("scroll", scrolled, { signal: ended, passive: true });
    const relayout = () => {
      this.#layout = null;
    };
    watchSurroundings(this.scroller, ended, {
      resized: () => {
        relayout();
        this.paint();
      },
      changed: () => {
        relayout();
        this.repaint();
      },
    });
    onAbort(ended, () => cancelAnimationFrame(this.#frame));
  }

  /** Which cell the pointer or the keyboard is on. */
  get pointed(): Cell | null {
    return this.#gestures.pointed;
  }

  /** Shows another picture; painted at the next frame. */
  set(map: HeatmapContent): void {
    const before = this.#map;
    this.#map = map;
    const { values, scale, labels } = map;
    if (this.#steps.length !== values.length) this.#steps = new Int16Array(values.length);
    for (let i = 0; i < values.length; i++) this.#steps[i] = scale.step(values[i] ?? Number.NaN);
    this.scroller.setAttribute("aria-label", map.caption);
    this.scroller.dataset.rows = String(labels.rows.length);
    this.scroller.dataset.columns = String(labels.columns.length);
    const sameShape =
      before?.labels.columns === labels.columns &&
      before.labels.rows.length === labels.rows.length &&
      before.labels.corner === labels.corner &&
      before.bare === map.bare &&
      (before.rowMarks === undefined) === (map.rowMarks === undefined) &&
      before.scale.widest === scale.widest;
    if (!sameShape) this.#layout = null;
    this.#gestures.resized(labels.rows.length, labels.columns.length);
    const text = (index: number) => scale.text(values[index] ?? Number.NaN);
    this.#table.write({ caption: map.caption, ...labels, text });
    this.repaint();
  }

  update(state: HeatmapState): void {
    const before = this.#state;
    const changed = (Object.keys(state) as (keyof HeatmapState)[]).filter((name) => state[name] !== before[name]);
    if (changed.length === 0) return;
    if (changed.includes("fit")) this.#layout = null;
    this.#state = state;
    this.scroller.classList.toggle("ew-faded", state.faded);
    if (changed.includes("selected") && state.selected !== null) this.#toReveal = state.selected;
    this.repaint();
  }

  /** Paints at the next frame. */
  repaint(): void {
    if (this.#frame || this.#ended.aborted) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.#ended.aborted) this.paint();
    });
  }

  /** Paints again, now and when the host's style sheets have arrived. */
  restyle(): void {
    this.repaint();
    for (const delay of LATE_STYLES_MS) setTimeout(() => this.repaint(), delay);
  }

  /** Paints now. */
  paint(): void {
    const map = this.#map;
    const context = this.#context;
    if (!map || !context || this.scroller.clientWidth === 0) return;
    const look = readAppearance(this.element);
    const layout = this.#placed(look.family);
    if (!layout) return;
    if (this.#toReveal !== null) this.#reveal(this.#toReveal, layout);
    const view = this.#window(layout);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = look.page;
    context.fillRect(0, 0, view.width, view.height);
    this.#cells.paint(context, layout, view, this.#steps, map.scale.table, look);
    context.setTransform(layout.pixelRatio, 0, 0, layout.pixelRatio, 0, 0);
    const task: TextTask = { context, layout, view, look, fitter: this.#fitter };
    paintNumbers(task, this.#steps, map.scale.table, (index) => map.scale.text(map.values[index] ?? Number.NaN));
    paintRowLabels(task, map.labels);
    if (map.rowMarks) paintRowMarks(task, map.rowMarks);
    paintColumnLabels(task, map.labels, this.#state);
    this.#placeRings();
    this.#showEdges(layout);
  }

  /** A cell's box on the page; row -1 is the column's label. */
  boxOf(cell: Cell): { left: number; top: number; right: number; bottom: number } | null {
    const layout = this.#placed();
    if (!layout) return null;
    const origin = this.#view.getBoundingClientRect();
    const labelled = cell.row < 0;
    const found: Box = cellBox(layout, { ...cell, row: Math.max(0, cell.row) }, this.#scroll());
    const left = origin.left + Math.max(layout.left, found.x);
    const top = origin.top + (labelled ? layout.top - 14 : found.y);
    return { left, top, right: left + found.width, bottom: labelled ? origin.top + layout.top : top + found.height };
  }

  /** Scrolls the map (and nothing else) until a row is in sight. */
  revealRow(row: number): void {
    const layout = this.#placed();
    if (!layout) return;
    const room = this.scroller.clientHeight - layout.top;
    const { cellHeight } = layout;
    this.scroller.scrollTop = scrollTo(this.scroller.scrollTop, room, row * cellHeight, cellHeight, cellHeight);
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  /** Where everything is, also when it has not been painted there yet; null while there is no room. */
  #placed(family?: string): Layout | null {
    if (!this.#layout && this.#map && this.scroller.clientWidth > 0) {
      this.#layout = this.#arrange(this.#map, family ?? readAppearance(this.element).family);
    }
    return this.#layout;
  }

  /** Finds places for everything, and gives the scroller its size. */
  #arrange(map: HeatmapContent, family: string): Layout {
    const { fit } = this.#state;
    const layout = arrange(map, this.#fitter, family, { width: this.scroller.clientWidth, fit });
    this.scroller.style.height = layout.height > MAX_HEIGHT ? `${MAX_HEIGHT}px` : "";
    this.#content.style.width = `${layout.width}px`;
    this.#content.style.height = `${layout.height}px`;
    // A bar that has come or gone leaves another width.
    const settled = arrange(map, this.#fitter, family, { width: this.scroller.clientWidth, fit });
    this.#content.style.width = `${settled.width}px`;
    this.#content.style.setProperty("--ew-map-top", `${settled.top}px`);
    this.#rings.frame(settled);
    return settled;
  }

  /** What is in sight, in device pixels; brings the canvas to that size. */
  #window({ pixelRatio, height: full }: Layout): Window {
    const width = this.scroller.clientWidth;
    const height = Math.min(full, this.scroller.clientHeight || full);
    // Never wider than the room, or a bar would come for the fraction of a pixel.
    const view = { width: Math.floor(width * pixelRatio), height: Math.round(height * pixelRatio) };
    if (this.#canvas.width !== view.width || this.#canvas.height !== view.height) {
      this.#canvas.width = view.width;
      this.#canvas.height = view.height;
      for (const { style } of [this.#canvas, this.#view]) {
        style.width = `${view.width / pixelRatio}px`;
        style.height = `${view.height / pixelRatio}px`;
      }
    }
    const { x, y } = this.#scroll();
    return { ...view, x: Math.round(x * pixelRatio), y: Math.round(y * pixelRatio) };
  }

  #scroll(): { x: number; y: number } {
    return { x: this.scroller.scrollLeft, y: this.scroller.scrollTop };
  }

  /** Shadows at the sides tell that there is more. */
  #showEdges({ width, height }: Layout): void {
    const { scrollLeft, scrollTop, clientWidth, clientHeight, classList } = this.scroller;
    classList.toggle("ew-more-left", scrollLeft > 1);
    classList.toggle("ew-more-right", scrollLeft + clientWidth < width - 1);
    classList.toggle("ew-more-below", scrollTop + clientHeight < height - 1);
    const crowded = width > clientWidth + 1;
    if (crowded === this.#crowded) return;
    this.#crowded = crowded;
    this.#events.crowded(crowded);
  }

  #placeRings(): void {
    const { selected, marked } = this.#state;
    const scroll = this.#scroll();
    this.#rings.showColumn("selected", this.#layout, selected, scroll);
    this.#rings.showColumn("marked", this.#layout, marked === selected ? null : marked, scroll);
    this.#rings.showRow(this.#layout, this.#state.row ?? null, scroll);
    const pointed = this.#gestures.pointed;
    this.#rings.show("hover", this.#layout, pointed && pointed.row >= 0 ? pointed : null, scroll);
    this.#rings.show("cursor", this.#layout, this.#gestures.cursor, scroll);
  }

  #moveCursor(cell: Cell): void {
    const layout = this.#layout;
    if (!layout) return;
    this.#reveal(cell.column, layout);
    const y = cell.row * layout.cellHeight;
    const height = this.scroller.clientHeight - layout.top;
    this.scroller.scrollTop = scrollTo(this.scroller.scrollTop, height, y, layout.cellHeight, 0);
    this.#placeRings();
  }

  #reveal(column: number, layout: Layout): void {
    this.#toReveal = null;
    const room = this.scroller.clientWidth - layout.left;
    const { cellWidth } = layout;
    this.scroller.scrollLeft = scrollTo(this.scroller.scrollLeft, room, column * cellWidth, cellWidth, cellWidth);
  }
}

function box(className: string): HTMLDivElement {
  const element = document.createElement("div");
  element.className = className;
  return element;
}
