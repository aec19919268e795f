/** Sentences about tokens and rows: for the legend, the tooltip and assistive technology. */
import { formatCount, formatProbability, formatShare, quoteToken } from "../../charts/format";
import type { TokenSequence } from "../../ui/strip/tokens";
import type { Row } from "./rows";

export interface Phrase {
  readonly text: string;
  /** A token, which should not be broken over two lines. */
  readonly quoted: boolean;
}

/** What the shares are shares of: `" Denmark"`, `" Denmark" instead of " Estonia"`, `the entropy before " Denmark"`. */
export function explained(tokens: TokenSequence, position: number, target: string, foil: string | null): Phrase[] {
  const name = { text: tokens.name(position), quoted: true };
  if (target === "contrast" && foil) {
    return [name, { text: " instead of ", quoted: false }, { text: quoteToken(foil), quoted: true }];
  }
  if (target === "entropy") return [{ text: "the entropy before ", quoted: false }, name];
  return [name];
}

/** `rank 1 · p = 71%` */
export function predictionFacts(row: Row): string[] {
  const facts: string[] = [];
  if (Number.isFinite(row.rank)) facts.push(`rank ${formatCount(row.rank)}`);
  if (Number.isFinite(row.probability)) facts.push(`p = ${formatProbability(row.probability)}`);
  return facts;
}

/** Indices of the tokens with the largest absolute shares, largest first. */
export function strongest(values: ArrayLike<number>, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (!(size > 0)) continue;
    const at = found.findIndex((other) => Math.abs(values[other] ?? 0) < size);
    if (at >= 0) found.splice(at, 0, i);
    else if (found.length < count) found.push(i);
    if (found.length > count) found.pop();
  }
  return found;
}

/** What a person who can't see the colours needs to know about a row. */
export function summary(tokens: TokenSequence, row: Row): string {
  const facts = predictionFacts(row).join(", ").replace("p =", "probability");
  const parts = strongest(row.values, 3).map((i) => `${tokens.name(i)} ${formatShare(row.values[i] ?? Number.NaN)}`);
  const most = parts.length > 0 ? ` Most from ${parts.join(", ")}.` : "";
  return `${tokens.name(row.position)}, token ${row.position}${facts ? `, ${facts}` : ""}.${most}`;
}

/** What a token's element is called once its share is known. */
export function tokenLabel(tokens: TokenSequence, index: number, row: Row | null): string {
  const name = `${tokens.name(index)}, token ${index}`;
  if (!row) return name;
  if (index === row.position) return [name, "explained", ...predictionFacts(row)].join(", ");
  const share = row.values[index] ?? Number.NaN;
  return Number.isNaN(share)
    ? name
    : `${name}, ${formatShare(share)} of the attribution of ${tokens.name(row.position)}`;
}
