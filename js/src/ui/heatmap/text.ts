/** Measures and shortens labels, and remembers both. */

/** Labels remembered; a long text has some thousands. */
const MOST = 20_000;

export class TextFitter {
  readonly #context: CanvasRenderingContext2D | null;
  readonly #widths = new Map<string, number>();
  readonly #fitted = new Map<string, string>();

  constructor(context: CanvasRenderingContext2D | null) {
    this.#context = context;
  }

  /** Width in CSS pixels. */
  width(text: string, font: string): number {
    const key = `${font} ${text}`;
    let width = this.#widths.get(key);
    if (width === undefined) {
      if (this.#context) this.#context.font = font;
      width = this.#context?.measureText(text).width ?? text.length * 6;
      if (this.#widths.size >= MOST) this.#widths.clear();
      this.#widths.set(key, width);
    }
    return width;
  }

  widest(texts: readonly string[], font: string): number {
    return texts.reduce((most, text) => Math.max(most, this.width(text, font)), 0);
  }

  /** The text, or as much of its beginning as fits, with an ellipsis. */
  fit(text: string, font: string, room: number): string {
    if (this.width(text, font) <= room) return text;
    const key = `${room} ${font} ${text}`;
    let fitted = this.#fitted.get(key);
    if (fitted === undefined) {
      fitted = shorten(text, (candidate) => this.width(candidate, font) <= room);
      if (this.#fitted.size >= MOST) this.#fitted.clear();
      this.#fitted.set(key, fitted);
    }
    return fitted;
  }
}

/** The longest beginning that, with an ellipsis, satisfies the condition; the ellipsis alone if none does. */
export function shorten(text: string, fits: (candidate: string) => boolean): string {
  const characters = [...text];
  let low = 0;
  let high = characters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(`${characters.slice(0, middle).join("")}…`)) low = middle;
    else high = middle - 1;
  }
  return `${characters.slice(0, low).join("")}…`;
}
