/**
 * The best tokens of each layer: a row for each layer, a cell for each candidate; a single layer becomes a list.
 *
 * Imperative, because choosing another position must rewrite hundreds of cells within a frame. What a press on a candidate
 * means is the view's business.
 */
import { quoteToken } from "../../charts/format";
import { onAbort } from "../../host/listen";
import { catchKeys } from "../catch-keys";
import { element } from "../strip/build";
import { writeToken } from "../token-text";
import { CandidateCell, describeCandidate, RowEnds } from "./cells";
import { cellsInSight } from "./in-sight";
import { type Candidate, type LayerRow, moveInGrid, type Predictions } from "./picture";

/** A cell of this width has room for a token and its percentage side by side. */
const ONE_LINE_WIDTH = 112;
/** So many cells are written at once, whether or not they are in sight. */
const ALL_AT_ONCE = 240;
/** The picture has to rest this long before the cells out of sight are written. */
const REST_MS = 120;
/** About the width of layers' names, and of the column at the end. */
const HEAD_WIDTH = 52;
const TAIL_WIDTH = 100;

export interface Pressed {
  readonly candidate: Candidate;
  readonly row: LayerRow;
  /** 1 is best. */
  readonly rank: number;
  readonly cell: HTMLElement;
}

interface Row {
  readonly root: HTMLElement;
  readonly ends: RowEnds;
  readonly cells: readonly CandidateCell[];
}

export class PredictionTable {
  readonly element = document.createElement("div");
  readonly #press: (pressed: Pressed) => void;
  readonly #grid = element("ew-pred-grid");
  #rows: readonly Row[] = [];
  #shape = "";
  #predictions: Predictions | null = null;
  #focusable: readonly [number, number] = [0, 0];
  #actualHead: HTMLElement | null = null;
  #actualText: string | null = null;
  /** Timer of the cells out of sight. */
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(press: (pressed: Pressed) => void, ended: AbortSignal) {
    this.#press = press;
    this.element.className = "ew-pred";
    this.#grid.setAttribute("role", "grid");
    this.element.append(this.#grid);
    const observer = new ResizeObserver(() => this.#fit());
    observer.observe(this.element);
    onAbort(ended, () => {
      observer.disconnect();
      clearTimeout(this.#rest);
    });
    this.element.addEventListener("click", (event) => this.#pressed(event.target), { signal: ended });
    // Descriptions are written when somebody rests on a cell: hundreds of them would cost more than the table.
    for (const event of ["pointerover", "focusin"] as const) {
      this.element.addEventListener(event, ({ target }) => this.#describe(target), { signal: ended });
    }
    catchKeys(this.element, ended, (event) => this.#key(event));
  }

  update(predictions: Predictions): void {
    this.#predictions = predictions;
    const { rows, k, actual, faded } = predictions;
    const shape = `${rows.length} ${k} ${actual !== null}`;
    if (shape !== this.#shape) this.#build(rows.length, k, actual !== null);
    this.#shape = shape;
    this.element.classList.toggle("ew-faded", faded);
    this.element.classList.toggle("ew-single", rows.length === 1);
    this.#grid.setAttribute("aria-label", `Best ${k} tokens of ${rows.length === 1 ? rows[0]?.name : "each layer"}`);
    rows.forEach((row, r) => {
      this.#rows[r]?.ends.update(row);
    });
    this.#write();
    if (this.#actualHead && actual && actual.text !== this.#actualText) {
      this.#actualText = actual.text;
      writeToken(this.#actualHead, actual.text);
      this.#actualHead.title = `rank and probability of ${quoteToken(actual.text)}, the token that stands there`;
    }
  }

  /** Writes the cells: of a large table first those in sight, the others when the hand rests. */
  #write(): void {
    clearTimeout(this.#rest);
    const size = [this.#rows.length, this.#rows[0]?.cells.length ?? 0] as const;
    const first = this.#cell([0, 0]);
    const last = this.#cell([size[0] - 1, size[1] - 1]);
    if (!first || !last) return;
    if (size[0] * size[1] <= ALL_AT_ONCE) {
      this.#writeRows(0, size[0], 0, size[1]);
      this.#grid.removeAttribute("aria-busy");
      return;
    }
    this.#grid.setAttribute("aria-busy", "true");
    const { rows, columns } = cellsInSight(first, last, this.element, size);
    this.#writeRows(rows.from, rows.to, columns.from, columns.to);
    const rest = (row: number) => {
      if (row >= size[0]) {
        this.#grid.removeAttribute("aria-busy");
        return;
      }
      const next = row + Math.max(1, Math.floor(ALL_AT_ONCE / size[1]));
      this.#writeRows(row, next, 0, size[1]);
      this.#rest = setTimeout(rest, 0, next);
    };
    this.#rest = setTimeout(rest, REST_MS, 0);
  }

  #writeRows(fromRow: number, toRow: number, fromColumn: number, toColumn: number): void {
    const predictions = this.#predictions;
    if (!predictions) return;
    for (let r = fromRow; r < toRow; r++) {
      const row = predictions.rows[r];
      for (let c = fromColumn; c < toColumn; c++) this.#rows[r]?.cells[c]?.update(row?.candidates[c], predictions);
    }
  }

  /** Where columns are slim the percentage goes below the token. */
  #fit(): void {
    const width = this.element.clientWidth;
    const { k = 1, actual = null } = this.#predictions ?? {};
    const column = (width - HEAD_WIDTH - (actual ? TAIL_WIDTH : 0)) / k;
    const stacked = column < ONE_LINE_WIDTH && this.#rows.length > 1;
    if (width > 0) this.element.classList.toggle("ew-stacked", stacked);
  }

  #build(rows: number, k: number, hasActual: boolean): void {
    const hadFocus = this.#grid.contains(document.activeElement);
    this.#actualText = null;
    this.#actualHead = null;
    this.#grid.replaceChildren();
    this.#grid.style.setProperty("--ew-k", String(k));
    this.element.classList.toggle("ew-with-actual", hasActual);
    if (hasActual && rows > 1) this.#grid.append(this.#header());
    this.#rows = Array.from({ length: rows }, (_, r) => {
      const root = element("ew-pred-row");
      root.setAttribute("role", "row");
      const ends = new RowEnds();
      const cells = Array.from({ length: k }, (_, c) => new CandidateCell(r, c));
      root.append(ends.head, ...cells.map((cell) => cell.root));
      if (hasActual) root.append(ends.tail);
      this.#grid.append(root);
      return { root, ends, cells };
    });
    const [row, column] = this.#focusable;
    this.#makeFocusable([Math.min(row, rows - 1), Math.min(column, k - 1)], hadFocus);
    this.#fit();
  }

  /** The token of the column at the end. */
  #header(): HTMLElement {
    const header = element("ew-pred-row ew-pred-header");
    header.setAttribute("role", "row");
    const head = element("ew-pred-actual-head");
    head.setAttribute("role", "columnheader");
    header.append(head);
    this.#actualHead = element("ew-pred-actual-token");
    head.append("rank", element("ew-wordy", ", p"), " of", this.#actualHead);
    return header;
  }

  #cell([row, column]: readonly [number, number]): HTMLElement | null {
    return this.#rows[row]?.cells[column]?.root ?? null;
  }

  #makeFocusable(to: readonly [number, number], focus: boolean): void {
    const before = this.#cell(this.#focusable);
    if (before) before.tabIndex = -1;
    this.#focusable = to;
    const next = this.#cell(to);
    if (!next) return;
    next.tabIndex = 0;
    if (focus) next.focus();
  }

  #key(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    if (event.key === "Enter" || event.key === " ") return this.#pressed(event.target);
    const size = [this.#rows.length, this.#rows[0]?.cells.length ?? 0] as const;
    const to = moveInGrid(event.key, this.#focusable, size, size[0] === 1);
    if (!to) return false;
    this.#makeFocusable(to, true);
    return true;
  }

  /** The cell of an element inside it, and what it shows. */
  #at(target: EventTarget | null): Pressed | null {
    const cell = target instanceof Element ? target.closest<HTMLElement>(".ew-pred-cell") : null;
    if (!cell || !this.element.contains(cell)) return null;
    const column = Number(cell.dataset.column);
    const row = this.#predictions?.rows[Number(cell.dataset.row)];
    const candidate = row?.candidates[column];
    return row && candidate ? { candidate, row, rank: column + 1, cell } : null;
  }

  #describe(target: EventTarget | null): void {
    const found = this.#at(target);
    if (!found || found.cell.title) return;
    const { candidate, row, rank, cell } = found;
    cell.title = describeCandidate(candidate, row, rank, candidate.id === this.#predictions?.actual?.id);
  }

  #pressed(target: EventTarget | null): boolean {
    const found = this.#at(target);
    if (!found) return false;
    this.#makeFocusable([Number(found.cell.dataset.row), found.rank - 1], true);
    this.#press(found);
    return true;
  }
}
