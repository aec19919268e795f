/**
 * A list of small line charts over the same tokens, one for each factor. Pointing at one, or going there with a key, isolates
 * it; the token under the pointer is marked in all of them; what a press means is the view's business.
 */
import { catchKeys } from "../catch-keys";
import { placeOf, tokenAt } from "./path";
import { type MoreButton, SparkRow, type SparkSeries } from "./row";

export interface SparklineEvents {
  /** Pointer or keyboard is on a series, or has left. */
  isolate(key: string | null): void;
  /** A token is pointed at, or no longer. */
  mark(token: number | null): void;
  /** Click, Enter or Space on a series. */
  press(key: string): void;
  /** Escape. */
  leave(): void;
  /** The row's button, or its key. */
  more?(key: string): void;
}

export interface SparklineState {
  /** The series that is looked at. */
  readonly isolated: string | null;
  readonly pinned: ReadonlySet<string>;
  /** The token that is marked, here or elsewhere. */
  readonly marked: number | null;
  readonly faded: boolean;
}

export interface SparklineContent {
  /** In the order in which they stand. */
  readonly series: readonly SparkSeries[];
  /** T */
  readonly tokens: number;
  /** Tokens from here on were generated; null draws no border. */
  readonly border: number | null;
  /** Tokens with which another text begins. */
  readonly breaks?: readonly number[];
  /** What assistive technology calls the list. */
  readonly caption: string;
}

/** Shows more about the series in focus. */
export const MORE_KEY = "c";

export class Sparklines {
  readonly element = document.createElement("div");
  readonly #events: SparklineEvents;
  readonly #rows = new Map<string, SparkRow>();
  #order: readonly string[] = [];
  #tokens = 0;
  #state: SparklineState = { isolated: null, pinned: new Set(), marked: null, faded: false };
  #focusable: string | null = null;
  #pointed: string | null = null;
  #marked: number | null = null;

  readonly #more: MoreButton | null;

  /** @param more Rows have a button, and a key (`MORE_KEY`), for `events.more`. */
  constructor(events: SparklineEvents, ended: AbortSignal, more: MoreButton | null = null) {
    this.#events = events;
    this.#more = more;
    const { element } = this;
    element.className = "ew-sparks";
    element.setAttribute("role", "listbox");
    element.setAttribute("aria-multiselectable", "true");
    const options = { signal: ended };
    element.addEventListener("pointermove", (event) => this.#moved(event), { ...options, passive: true });
    element.addEventListener("pointerleave", () => this.#left(), options);
    element.addEventListener("click", (event) => this.#clicked(event), options);
    element.addEventListener("focusin", (event) => this.#point(this.#keyOf(event.target)), options);
    const blurred = (event: FocusEvent) => {
      const stays = event.relatedTarget instanceof Node && element.contains(event.relatedTarget);
      if (!stays && !element.matches(":hover")) this.#left();
    };
    element.addEventListener("focusout", blurred, options);
    catchKeys(element, ended, (event) => this.#pressed(event));
  }

  set({ series, tokens, border, breaks = [], caption }: SparklineContent): void {
    this.element.setAttribute("aria-label", caption);
    this.#tokens = tokens;
    for (const one of series) {
      const row = this.#rows.get(one.key) ?? new SparkRow(one.key, this.#more);
      this.#rows.set(one.key, row);
      row.update(one);
      if (this.#more) row.nameMore(`${this.#more.label} ${one.name}`);
    }
    const order = series.map(({ key }) => key);
    if (order.join("\n") !== this.#order.join("\n")) this.#arrange(order);
    this.element.classList.toggle("ew-bordered", border !== null);
    if (border !== null) this.element.style.setProperty("--ew-border-at", percent(border / Math.max(1, tokens)));
    this.element.classList.toggle("ew-divided", breaks.length > 0);
    this.element.style.setProperty("--ew-breaks", breakLines(breaks, tokens));
    this.update(this.#state);
  }

  /** Moves the focus to a series. */
  focus(key: string): void {
    this.#makeFocusable(key);
    this.#rows.get(key)?.root.focus({ preventScroll: true });
  }

  update(state: SparklineState): void {
    this.#state = state;
    const { isolated, pinned, marked, faded } = state;
    this.element.classList.toggle("ew-faded", faded);
    this.element.classList.toggle("ew-isolating", isolated !== null && this.#rows.has(isolated));
    this.element.classList.toggle("ew-marking", marked !== null && marked < this.#tokens);
    if (marked !== null) this.element.style.setProperty("--ew-mark-at", percent(placeOf(marked, this.#tokens)));
    for (const [key, row] of this.#rows) {
      row.root.classList.toggle("ew-isolated", key === isolated);
      row.root.setAttribute("aria-selected", String(pinned.has(key)));
      row.mark(key === isolated || pinned.has(key) ? marked : null);
    }
  }

  /** Brings the elements into another order; those that stay keep their element, and the focus. */
  #arrange(order: readonly string[]): void {
    const { activeElement } = document;
    for (const key of this.#order) {
      if (order.includes(key)) continue;
      this.#rows.get(key)?.root.remove();
      this.#rows.delete(key);
    }
    this.element.append(...order.map((key) => this.#rows.get(key)?.root ?? ""));
    this.#order = order;
    // Moving an element takes its focus away.
    if (activeElement instanceof HTMLElement && this.element.contains(activeElement)) activeElement.focus();
    if (this.#focusable === null || !order.includes(this.#focusable)) this.#makeFocusable(order[0] ?? null);
  }

  #makeFocusable(key: string | null): void {
    const before = this.#focusable === null ? null : this.#rows.get(this.#focusable);
    if (before) before.root.tabIndex = -1;
    this.#focusable = key;
    const row = key === null ? null : this.#rows.get(key);
    if (row) row.root.tabIndex = 0;
  }

  #keyOf(target: EventTarget | null): string | null {
    const row = target instanceof Element ? target.closest<HTMLElement>(".ew-spark") : null;
    return row && this.element.contains(row) ? (row.dataset.key ?? null) : null;
  }

  #moved(event: PointerEvent): void {
    const key = this.#keyOf(event.target);
    this.#point(key);
    const box = key === null ? null : this.#rows.get(key)?.chart.getBoundingClientRect();
    const inside = box && event.clientX >= box.left && event.clientX < box.right;
    this.#mark(box && inside ? tokenAt((event.clientX - box.left) / box.width, this.#tokens) : null);
  }

  #left(): void {
    this.#point(null);
    this.#mark(null);
  }

  #clicked(event: MouseEvent): void {
    const key = this.#keyOf(event.target);
    if (key === null) return;
    this.#makeFocusable(key);
    const more = event.target instanceof Element && event.target.closest(".ew-spark-more");
    if (more) this.#events.more?.(key);
    else this.#events.press(key);
  }

  #point(key: string | null): void {
    if (key === this.#pointed) return;
    this.#pointed = key;
    this.#events.isolate(key);
  }

  #mark(token: number | null): void {
    if (token === this.#marked) return;
    this.#marked = token;
    this.#events.mark(token);
  }

  #pressed(event: KeyboardEvent): boolean {
    const key = this.#keyOf(event.target);
    if (key === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    const at = this.#order.indexOf(key);
    const last = this.#order.length - 1;
    const row = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: last }[event.key];
    if (row !== undefined) {
      const to = this.#order[Math.min(last, Math.max(0, row))] ?? key;
      this.#makeFocusable(to);
      this.#rows.get(to)?.root.focus();
      return true;
    }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      const from = this.#state.marked ?? (step > 0 ? -1 : this.#tokens);
      this.#mark(Math.min(this.#tokens - 1, Math.max(0, from + step)));
      return true;
    }
    if (event.key === "Enter" || event.key === " ") this.#events.press(key);
    else if (event.key === MORE_KEY && this.#more) this.#events.more?.(key);
    else if (event.key === "Escape") {
      this.#left();
      this.#events.leave();
    } else return false;
    return true;
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)}%`;
}

/** Thin lines where texts begin, as layers of one background. */
function breakLines(breaks: readonly number[], tokens: number): string {
  const line = (token: number) => {
    const at = percent(token / Math.max(1, tokens));
    return `linear-gradient(90deg, transparent calc(${at} - 0.5px), var(--ew-soft) 0, var(--ew-soft) calc(${at} + 0.5px), transparent 0)`;
  };
  return breaks.length === 0 ? "none" : breaks.map(line).join(", ");
}
