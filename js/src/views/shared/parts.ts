/** The tokens of several texts, one text after the other, each shown apart under its number. */
import type { Tokens } from "../../generated/shared";
import { TokenSequence } from "../../ui/strip/tokens";

interface Span {
  readonly start: number;
  readonly stop: number;
}

export function sequenceOf(tokens: Tokens, texts: readonly Span[]): TokenSequence {
  if (texts.length < 2) return new TokenSequence(tokens);
  const parts = texts.map(({ start, stop }, i) => ({ name: `text ${i + 1}`, start, stop }));
  return new TokenSequence({ ...tokens, segments: parts });
}

/** Where the generated tokens of a single text begin; null if there are none. */
export function generatedFrom(tokens: Tokens, texts: readonly Span[] = []): number | null {
  const { n_prompt, texts: all, kind } = tokens;
  const inside = n_prompt > 0 && n_prompt < all.length;
  return texts.length < 2 && kind === "causal" && inside ? n_prompt : null;
}

/** What the shift of generated tokens is. */
export const SHIFT_NOTE =
  "A state is drawn at the token it led to: a generated token shows the neurons of the state that produced it, which " +
  "is that of the token before it. A token of the prompt shows its own.";
