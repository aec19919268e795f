/**
 * The text of a run as tokens one can point at. Imperative, because a hover must repaint thousands of them within a frame.
 *
 * The strip knows tokens, colours and gestures; what a gesture means is the view's business.
 */
import type { ColorTable } from "../../charts/palettes";
import { levelsOf } from "../../charts/scales";
import { childController, onAbort } from "../../host/listen";
import { catchKeys } from "../catch-keys";
import { buildStrip, type StripStyle, type TokenParts } from "./build";
import { Geometry, Viewport } from "./geometry";
import { type KeyAction, keyAction, lineStep, step } from "./navigation";
import { type Picture, SpanPainter } from "./span-painter";
import type { TokenSequence } from "./tokens";

/** Up to here every token is painted at once; beyond, first what is in sight and the rest when the browser is idle. */
export const LONG_TEXT = 400;
/** How far beyond what is in sight a long text is painted at once, as a share of it. */
const MARGIN = 0.25;
/** Tokens painted in one idle moment. */
const IDLE_CHUNK = 250;
/** A row has to rest this long before the tokens out of sight are painted. */
const IDLE_AFTER_MS = 200;

export interface StripState {
  readonly position: number | null;
  readonly pinned: boolean;
  /** (T,) shares; null while there is no row. */
  readonly shares: Float32Array | null;
  readonly domain: number;
  /** (T,) levels in the table, where they are no levels of the shares. */
  readonly levels?: Int16Array;
  readonly table: ColorTable;
  readonly faded: boolean;
}

export interface StripEvents {
  /** The pointer is over a token, or has left. */
  hover(index: number | null): void;
  /** A token was clicked or tapped. */
  press(index: number, pointer: string): void;
  /** A key chose a token. */
  choose(index: number): void;
  /** A key looks at a token without choosing it. */
  inspect(index: number): void;
  /** Enter on the token in focus. */
  pin(index: number): void;
  /** Escape. */
  free(): void;
  /** Can this token be chosen? */
  canChoose(index: number): boolean;
}

export class TokenStrip {
  readonly element: HTMLElement;
  readonly #events: StripEvents;
  readonly #ended: AbortSignal;
  #tokens: TokenSequence | null = null;
  #parts: readonly TokenParts[] = [];
  #geometry: Geometry | null = null;
  readonly #viewport: Viewport;
  #spans: SpanPainter | null = null;
  #levels = new Int16Array(0);
  #picture: Picture | null = null;
  /** Timer of the painting out of sight. */
  #idle: ReturnType<typeof setTimeout> | undefined;
  #selected: number | null = null;
  #inspected: number | null = null;
  #marked: number | null = null;
  #focusable: number | null = null;
  /** Comes into sight as soon as there is a layout. */
  #toReveal: number | null = null;
  #pointer = { x: -1, y: -1 };
  #hovered: number | null = null;
  #content: AbortController | null = null;

  constructor(events: StripEvents, ended: AbortSignal, label = "Tokens: choose one to see what it is attributed to") {
    this.#events = events;
    this.#ended = ended;
    this.element = document.createElement("div");
    this.element.className = "ew-strip";
    this.element.setAttribute("role", "listbox");
    this.element.setAttribute("aria-label", label);
    this.#viewport = new Viewport(this.element);
    this.#listen();
  }

  /** Writes the text anew. */
  setTokens(tokens: TokenSequence, style: StripStyle): void {
    const hadFocus = this.element.contains(document.activeElement);
    this.#content?.abort();
    this.#content = childController(this.#ended);
    const { content, parts } = buildStrip(tokens, style);
    const inner = document.createElement("div");
    inner.className = "ew-text";
    inner.append(content);
    this.element.replaceChildren(inner);
    this.element.classList.toggle("ew-detailed", style === "detailed");
    this.element.dataset.kind = tokens.kind;
    this.#tokens = tokens;
    this.#parts = parts;
    this.#levels = new Int16Array(parts.length);
    this.#selected = null;
    this.#inspected = null;
    this.#marked = null;
    this.#focusable = null;
    this.#toReveal = null;
    this.#picture = null;
    const geometry = new Geometry(inner, parts);
    this.#geometry = geometry;
    this.#spans = new SpanPainter(parts);
    this.#watchLayout(inner, this.#content.signal);
    this.#makeFocusable(tokens.firstPosition);
    if (hadFocus) this.focus(tokens.firstPosition);
  }

  /** Shows a state. Whatever did not change costs nothing. */
  update(state: StripState): void {
    const { shares, domain, levels, table, faded, position, pinned } = state;
    if (levels) this.#levels.set(levels);
    else if (shares) levelsOf(shares, domain, this.#levels);
    else this.#levels.fill(0);
    // The row of another token may still be in sight: what comes after the chosen one is not coloured by it.
    const last = this.#tokens?.leftToRight ? position : null;
    if (last !== null) this.#levels.fill(0, last);
    this.#picture = { levels: this.#levels, shares, domain, table, faded, position: last };
    this.#select(position, pinned);
    this.#paint();
  }

  /** Moves the keyboard's focus to a token. */
  focus(index: number): void {
    this.#makeFocusable(index);
    this.#parts[index]?.root.focus({ preventScroll: true });
    this.reveal(index);
  }

  /** Scrolls the strip (and nothing else) until a token is in sight. */
  reveal(index: number): void {
    const box = this.#geometry?.first(index);
    this.#toReveal = box ? null : index;
    if (!box) return;
    const { top, height } = this.#viewport.read();
    const margin = 22;
    if (box.y - margin < top) this.element.scrollTop = box.y - margin;
    else if (box.y + box.height + margin > top + height) {
      this.element.scrollTop = box.y + box.height + margin - height;
    }
  }

  /** The element of a token, for tooltips. */
  token(index: number): HTMLElement | null {
    return this.#parts[index]?.root ?? null;
  }

  /** Marks a token that is looked at without being chosen. */
  markInspected(index: number | null): void {
    if (index === this.#inspected) return;
    if (this.#inspected !== null) this.#parts[this.#inspected]?.root.classList.remove("ew-inspected");
    if (index !== null) this.#parts[index]?.root.classList.add("ew-inspected");
    this.#inspected = index;
  }

  /** Marks a token that is pointed at in another widget. */
  markElsewhere(index: number | null): void {
    if (index === this.#marked) return;
    if (this.#marked !== null) this.#parts[this.#marked]?.root.classList.remove("ew-marked");
    if (index !== null) this.#parts[index]?.root.classList.add("ew-marked");
    this.#marked = index;
  }

  /** What assistive technology reads for a token. */
  describe(index: number, description: string): void {
    this.#parts[index]?.root.setAttribute("aria-label", description);
  }

  #select(position: number | null, pinned: boolean): void {
    if (position !== this.#selected) {
      if (this.#selected !== null) {
        const { classList } = this.#parts[this.#selected]?.root ?? {};
        classList?.remove("ew-selected", "ew-pinned");
        this.#parts[this.#selected]?.root.setAttribute("aria-selected", "false");
      }
      this.#selected = position;
      if (position !== null) {
        const root = this.#parts[position]?.root;
        root?.classList.add("ew-selected");
        root?.setAttribute("aria-selected", "true");
        this.#makeFocusable(position);
      }
    }
    if (position !== null) this.#parts[position]?.root.classList.toggle("ew-pinned", pinned);
  }

  #makeFocusable(index: number): void {
    if (index === this.#focusable) return;
    const old = this.#focusable === null ? null : this.#parts[this.#focusable]?.root;
    const next = this.#parts[index]?.root;
    if (!next) return;
    next.tabIndex = 0;
    // Removing the attribute from the element in focus would blur it: the focus moves along.
    if (old && old === document.activeElement) next.focus({ preventScroll: true });
    old?.removeAttribute("tabindex");
    this.#focusable = index;
  }

  #watchLayout(inner: HTMLElement, ended: AbortSignal): void {
    const moved = () => {
      this.#geometry?.invalidate();
      this.#viewport.invalidate();
      const { full, height } = this.#viewport.read();
      this.element.classList.toggle("ew-scrolls", full > height + 1);
      if (this.#toReveal !== null) this.reveal(this.#toReveal);
      if (this.#parts.length > LONG_TEXT) this.#paint();
    };
    const observer = new ResizeObserver(moved);
    observer.observe(inner);
    observer.observe(this.element);
    onAbort(ended, () => observer.disconnect());
    document.fonts?.addEventListener("loadingdone", moved, { signal: ended });
  }

  #listen(): void {
    const { element } = this;
    const signal = this.#ended;
    element.addEventListener("pointermove", (event) => this.#moved(event), { signal, passive: true });
    element.addEventListener("pointerleave", () => this.#left(), { signal });
    element.addEventListener("click", (event) => this.#clicked(event), { signal });
    element.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    catchKeys(element, signal, (event) => this.#pressed(event));
  }

  #indexOf(target: EventTarget | null): number | null {
    if (!(target instanceof Element)) return null;
    const token = target.closest<HTMLElement>(".ew-token");
    return token && this.element.contains(token) ? Number(token.dataset.i) : null;
  }

  /** Only a pointer that moves points: text may also scroll, or appear, under one at rest. */
  #moved(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    const moved = event.clientX !== this.#pointer.x || event.clientY !== this.#pointer.y;
    this.#pointer = { x: event.clientX, y: event.clientY };
    const index = this.#indexOf(event.target);
    if (!moved || index === null || index === this.#hovered) return;
    this.#hovered = index;
    this.#events.hover(index);
  }

  #left(): void {
    this.#hovered = null;
    this.#events.hover(null);
  }

  #clicked(event: MouseEvent): void {
    const index = this.#indexOf(event.target);
    const selection = document.getSelection();
    const selecting = selection && !selection.isCollapsed && this.element.contains(selection.anchorNode);
    if (index === null || selecting) return;
    const pointer = event instanceof PointerEvent ? event.pointerType : "mouse";
    this.#events.press(index, pointer);
    if (this.#events.canChoose(index)) this.focus(index);
  }

  #scrolled(): void {
    this.#viewport.invalidate();
    if (this.#parts.length > LONG_TEXT) this.#paint();
  }

  /** Paints what is in sight (all of it, if the text is short) and leaves the rest for later. */
  #paint(): void {
    const picture = this.#picture;
    const spans = this.#spans;
    if (!picture || !spans) return;
    clearTimeout(this.#idle);
    if (this.#parts.length <= LONG_TEXT) {
      spans.paint(picture, 0, this.#parts.length);
      return;
    }
    const { top, height } = this.#viewport.read();
    const [from, to] = this.#geometry?.range(top - MARGIN * height, top + (1 + MARGIN) * height) ?? [0, 0];
    spans.paint(picture, from, to);
    const rest = (start: number) => {
      if (start >= this.#parts.length || this.#ended.aborted) return;
      spans.paint(picture, start, Math.min(start + IDLE_CHUNK, this.#parts.length));
      this.#idle = setTimeout(rest, 0, start + IDLE_CHUNK);
    };
    this.#idle = setTimeout(rest, IDLE_AFTER_MS, 0);
  }

  #pressed(event: KeyboardEvent): boolean {
    const from = this.#indexOf(event.target);
    const action = from === null ? null : keyAction(event);
    if (from === null || !action) return false;
    this.#act(action, from);
    return true;
  }

  #act(action: KeyAction, from: number): void {
    const tokens = this.#tokens;
    const geometry = this.#geometry;
    if (!tokens || !geometry) return;
    const allowed = (i: number) => this.#events.canChoose(i);
    switch (action.kind) {
      case "pin":
        this.#events.pin(from);
        return;
      case "free":
        this.#events.free();
        return;
      case "step":
        if (action.inspect) {
          this.#events.inspect(step(this.#inspected ?? from, action.by, tokens.length, () => true));
          return;
        }
        this.#choose(step(from, action.by, tokens.length, allowed));
        return;
      case "line":
        this.#choose(lineStep(from, action.by, tokens.length, (i) => geometry.first(i), allowed));
        return;
      case "edge":
        this.#choose(
          action.to === "first" ? step(-1, 1, tokens.length, allowed) : step(tokens.length, -1, tokens.length, allowed),
        );
        return;
    }
  }

  #choose(index: number): void {
    if (!this.#events.canChoose(index)) return;
    this.#events.choose(index);
    this.focus(index);
  }
}
