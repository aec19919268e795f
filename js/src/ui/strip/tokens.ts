/** The tokens of a run, and what each of them is. */
import { quoteToken } from "../../charts/format";
import type { Tokens } from "../../generated/shared";

/** A part of the sequence that is shown apart. */
export interface Part {
  readonly name: string;
  readonly start: number;
  /** The first index after it. */
  readonly stop: number;
}

/** The tokens of a run, whatever their parts are called. */
export type ShownTokens = Omit<Tokens, "segments"> & { readonly segments: readonly Part[] };

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
  /** Position of the token that would come next; null if it is not shown. */
  readonly next: number | null;
  readonly promptLength: number;
  readonly firstPosition: number;
  readonly ids: readonly number[];
  /** Parts that are shown apart; they cover all tokens. */
  readonly segments: readonly Part[];
  /** What the model predicts. */
  readonly kind: Tokens["kind"];
  /** Is a token predicted from those before it, and from none after it? */
  readonly leftToRight: boolean;
  readonly #texts: readonly string[];
  readonly #special: ReadonlySet<number>;
  readonly #fragments = new Map<number, Fragment>();
  readonly #explainable: ReadonlySet<number>;

  /**
   * @param next Position of the token that would come next, if it can be chosen: it stands at the end, without a text.
   */
  constructor(tokens: ShownTokens, next: number | null = null) {
    this.next = next;
    this.length = next === null ? tokens.texts.length : next + 1;
    this.promptLength = tokens.n_prompt;
    this.firstPosition = tokens.first_position;
    this.ids = tokens.ids;
    this.segments = tokens.segments;
    this.kind = tokens.kind;
    this.leftToRight = tokens.kind === "causal" || tokens.kind === "seq2seq";
    this.#texts = tokens.texts;
    this.#special = new Set(tokens.special);
    this.#explainable = new Set(next === null ? tokens.explainable : [...tokens.explainable, next]);
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

  /** The part that begins with a token, if the sequence has several. */
  segmentAt(index: number): Part | null {
    return this.segments.length > 1 ? (this.segments.find(({ start }) => start === index) ?? null) : null;
  }

  /** Is it a class, and no token of a text? */
  isClass(index: number): boolean {
    return this.segments.some(({ name, start, stop }) => name === "classes" && index >= start && index < stop);
  }

  /** What a token belongs to: `prompt`, `generated`, `text`, `source`, `output`, `class`. */
  partOf(index: number): string {
    if (this.segments.length < 2) return this.isGenerated(index) ? "generated" : "prompt";
    const name = this.segments.find(({ start, stop }) => index >= start && index < stop)?.name ?? "text";
    return name === "classes" ? "class" : name;
  }

  isExplainable(index: number): boolean {
    return this.#explainable.has(index);
  }

  fragment(index: number): Fragment | null {
    return this.#fragments.get(index) ?? null;
  }

  /** How a sentence names a token: `" Denmark"`, or `piece 2 of 3 of "🙂"` for a part of a character. */
  name(index: number): string {
    if (index === this.next) return "the next token";
    const fragment = this.fragment(index);
    if (fragment) {
      const whole = quoteToken(this.text(fragment.start));
      return `piece ${fragment.piece + 1} of ${fragment.count} of ${whole}`;
    }
    return this.text(index) === "" ? `token ${this.ids[index] ?? "?"}` : quoteToken(this.text(index));
  }
}
