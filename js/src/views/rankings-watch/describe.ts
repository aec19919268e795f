/** Sentences about watched tokens. */
import { formatCount, formatPercent, quoteToken } from "../../charts/format";
import type { PaintedRanks, WatchedToken } from "./store";

/** The watched token that a layer prefers; null when none is known or two are equal. */
export function preferred(tokens: readonly WatchedToken[], layer: number): number | null {
  let best: WatchedToken | null = null;
  let tie = false;
  for (const token of tokens) {
    const rank = token.column?.ranks[layer];
    if (rank === undefined) continue;
    const bestRank = best?.column?.ranks[layer] ?? Number.POSITIVE_INFINITY;
    tie = rank === bestRank || (tie && rank > bestRank);
    if (rank < bestRank) best = token;
  }
  return best && !tie && tokens.length > 1 ? best.id : null;
}

/** `" are", layer 3: rank 12, 4.2%` */
export function cellSentence(token: WatchedToken, layer: number, layerName: string): string {
  const name = `${quoteToken(token.text)}, ${layerName}`;
  if (!token.column) return `${name}: not computed yet`;
  const rank = formatCount(token.column.ranks[layer] ?? Number.NaN);
  return `${name}: rank ${rank}, ${formatPercent(token.column.probabilities[layer] ?? Number.NaN)}`;
}

/** What a person who can't see the figure needs to know: the ranks at the last layer. */
export function summary(painted: PaintedRanks, place: string, layers: number): string {
  const known = painted.tokens.filter(({ column }) => column !== null);
  if (known.length === 0) return "";
  const last = layers - 1;
  const parts = known.map(
    ({ text, column }) => `${quoteToken(text)} rank ${formatCount(column?.ranks[last] ?? Number.NaN)}`,
  );
  return `${place}, last layer: ${parts.join(", ")}.`;
}
