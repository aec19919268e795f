/** The tokens of a run, and what each of them is. */
import { quoteToken } from "../../charts/format";
import type { Tokens } from "../../generated/attribution";

export interface Fragment {
  /** First piece. */
  readonly start: number;
  /** Number of pieces. */
  readonly count: number;
  /** Which piece a token is, from 0. */
  readonly piece: number;
}

export class TokenSequence {
  readonly length: number;
  readonly promptLength: number;
  readonly firstPosition: number;
  readonly ids: readonly number[];
  readonly #texts: readonly string[];
  readonly #special: ReadonlySet<number>;
  readonly #fragments = new Map<number, Fragment>();

  constructor(tokens: Tokens) {
    this.length = tokens.texts.length;
    this.promptLength = tokens.n_prompt;
    this.firstPosition = tokens.first_position;
    this.ids = tokens.ids;
    this.#texts = tokens.texts;
    this.#special = new Set(tokens.special);
    for (const [start, count] of tokens.fragments) {
      for (let piece = 0; piece < count; piece++) this.#fragments.set(start + piece, { start, count, piece });
    }
  }

  text(index: number): string {
    return this.#texts[index] ?? "";
  }

  isSpecial(index: number): boolean {
    return this.#special.has(index);
  }

  isGenerated(index: number): boolean {
    return index >= this.promptLength;
  }

  isExplainable(index: number): boolean {
    return index >= this.firstPosition && index < this.length;
  }

  fragment(index: number): Fragment | null {
    return this.#fragments.get(index) ?? null;
  }

  /** How a sentence names a token: `" Denmark"`, or `piece 2 of 3 of "🙂"` for a part of a character. */
  name(index: number): string {
    const fragment = this.fragment(index);
    if (fragment) {
      const whole = quoteToken(this.text(fragment.start));
      return `piece ${fragment.piece + 1} of ${fragment.count} of ${whole}`;
    }
    return this.text(index) === "" ? `token ${this.ids[index] ?? "?"}` : quoteToken(this.text(index));
  }
}
