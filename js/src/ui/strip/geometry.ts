/** Where the tokens are, in the coordinates of the strip's content. Measured once, until something moves them. */
import type { TokenParts } from "./build";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export class Geometry {
  readonly #content: HTMLElement;
  readonly #parts: readonly TokenParts[];
  #boxes: readonly (readonly Box[])[] | null = null;

  constructor(content: HTMLElement, parts: readonly TokenParts[]) {
    this.#content = content;
    this.#parts = parts;
  }

  invalidate(): void {
    this.#boxes = null;
  }

  /** The boxes of a token: one per line it stands on. */
  boxes(index: number): readonly Box[] {
    return this.#measured()[index] ?? [];
  }

  first(index: number): Box | null {
    return this.boxes(index)[0] ?? null;
  }

  /** First and one-past-last token that may touch the band between two heights. */
  range(top: number, bottom: number): readonly [number, number] {
    const boxes = this.#measured();
    const from = firstIndex(boxes.length, (i) => lastBottom(boxes[i]) > top);
    const to = firstIndex(boxes.length, (i) => (boxes[i]?.[0]?.y ?? 0) >= bottom);
    return [from, Math.max(from, to)];
  }

  #measured(): readonly (readonly Box[])[] {
    if (this.#boxes === null) {
      const origin = this.#content.getBoundingClientRect();
      if (origin.width === 0) return []; // not attached yet, or hidden: nothing to remember
      this.#boxes = this.#parts.map(({ root }) =>
        Array.from(root.getClientRects(), ({ left, top, width, height }) => ({
          x: left - origin.left,
          y: top - origin.top,
          width,
          height,
        })),
      );
    }
    return this.#boxes;
  }
}

/** What a scroller shows. Read once after each scroll or resize: reading while styles are dirty costs a layout. */
export class Viewport {
  readonly #scroller: HTMLElement;
  #seen: { top: number; height: number; width: number; full: number } | null = null;

  constructor(scroller: HTMLElement) {
    this.#scroller = scroller;
  }

  invalidate(): void {
    this.#seen = null;
  }

  read() {
    if (this.#seen === null) {
      const { scrollTop: top, clientHeight: height, clientWidth: width, scrollHeight: full } = this.#scroller;
      this.#seen = { top, height, width, full };
    }
    return this.#seen;
  }
}

function lastBottom(boxes: readonly Box[] | undefined): number {
  const last = boxes?.at(-1);
  return last ? last.y + last.height : 0;
}

/** Smallest i in 0..n for which the (monotonic) condition holds; n if for none. */
export function firstIndex(n: number, holds: (i: number) => boolean): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
