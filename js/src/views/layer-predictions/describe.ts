/** Sentences about the best tokens of the layers. */
import { formatCount, formatPercent, quoteToken } from "../../charts/format";
import type { TokenSequence } from "../../ui/strip/tokens";
import { place } from "../lens/place";
import type { LensTop } from "../lens/top";

/** The first layer (in numeric order) from which on the token that stands there is the best one; null if there is none. */
export function decidedAt(top: LensTop): number | null {
  if (!top.actual) return null;
  let first: number | null = null;
  for (let layer = top.layers - 1; layer >= 0 && top.actualRanks[layer] === 1; layer--) first = layer;
  return first;
}

/** What a person who can't see the table needs to know. */
export function summary(tokens: TokenSequence, top: LensTop, names: readonly string[]): string {
  const last = top.layers - 1;
  const best = top.texts[last]?.[0];
  if (best === undefined) return "";
  const name = names[last] ?? `layer ${last}`;
  const probability = formatPercent(top.probabilities[last * top.stride] ?? Number.NaN);
  const said = `${place(tokens, top.position)}, token ${top.position}: ${name} says ${quoteToken(best)}, ${probability}.`;
  if (!top.actual) return said;
  const rank = formatCount(top.actualRanks[last] ?? Number.NaN);
  return `${said} ${quoteToken(top.actual.text)} stands there, rank ${rank}.`;
}
