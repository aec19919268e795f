/** Sentences about factors, for the line above the picture, the tooltip and assistive technology. */
import { formatCount, formatDuration, formatPercent, formatShare, formatValue } from "../../charts/format";
import type { FactorBounds, FactorsTraits } from "../../generated/factors";
import type { TokenSequence } from "../../ui/strip/tokens";
import { type FactorSet, factorName } from "./factor-set";
import { ranked, strength } from "./strength";

export const METHODS: Readonly<Record<FactorsTraits["method"], string>> = { nmf: "NMF", pca: "PCA", ica: "ICA" };

export interface Making {
  readonly computing: boolean;
  /** Is the picture that of the present choice? */
  readonly fits: boolean;
  readonly tookMs: number | null;
}

/** `NMF of 3,072 neurons · error 21.4% · refined in 0.3 s` */
export function describeFactors(set: FactorSet, stack: FactorBounds["stack"], making: Making): string[] {
  const whose = stack === "only" ? "" : `${stack} `;
  const parts = [`${METHODS[set.method]} of ${formatCount(set.totalNeurons)} ${whose}neurons`];
  parts.push(`error ${formatError(set.error)}`);
  if (!set.done) parts.push(`iteration ${set.iterations}`, making.computing ? "refining …" : "not refined");
  else if (!making.fits) parts.push(making.computing ? "computing others …" : "of another choice");
  else if (set.stopped) parts.push(`stopped at iteration ${set.iterations}`);
  else if (making.tookMs !== null) parts.push(`refined in ${formatDuration(making.tookMs)}`);
  else if (set.iterations > 1) parts.push(`${set.iterations} iterations`);
  return parts;
}

/** A relative error: `21.4%`. */
export function formatError(error: number): string {
  if (Number.isNaN(error)) return "–";
  return `${(100 * error).toFixed(1)}%`;
}

/** The share of the activations that a factor explains; empty while it is not known. */
export function formatExplained(share: number): string {
  if (Number.isNaN(share)) return "";
  return share > 0 && share < 0.01 ? "<1%" : formatShare(share);
}

/** A loading as a share of the factor's peak, its sign kept: `71%`, `−30%`. */
export function formatStrength(set: FactorSet, row: number, token: number): string {
  const share = strength(set, row, token);
  const negative = (set.loadings[row]?.[token] ?? 0) < 0;
  return `${negative ? "\u2212" : ""}${formatPercent(share)}`;
}

/** What a person who can't see the colours needs to know about a token. */
export function describeToken(tokens: TokenSequence, set: FactorSet, index: number): string {
  const own = `${tokens.name(index)}, token ${index}`;
  if (set.loadings.some((row) => Number.isNaN(row[index] ?? Number.NaN))) return `${own}, no neurons are recorded here`;
  const best = ranked(set, index)
    .slice(0, 3)
    .map((row) => `factor ${factorName(set.ids[row] ?? 0)} at ${formatStrength(set, row, index)} of its peak`);
  return best.length > 0 ? `${own}: ${best.join(", ")}` : `${own}: no factor fires here`;
}

/** What assistive technology calls a row. */
export function describeRow(set: FactorSet, row: number, tokens: TokenSequence): string {
  const values = set.loadings[row] ?? new Float32Array(0);
  let best = -1;
  let most = 0;
  values.forEach((value, token) => {
    if (Math.abs(value) > most) {
      most = Math.abs(value);
      best = token;
    }
  });
  const explained = formatExplained(set.explained[row] ?? Number.NaN);
  const share = explained ? `, ${explained} of the activations` : "";
  const at = best < 0 ? "" : `, strongest at ${tokens.name(best)}, token ${best} (${formatValue(most)})`;
  const fresh = set.fresh.has(set.ids[row] ?? -1) ? ", new" : "";
  return `factor ${factorName(set.ids[row] ?? 0)}${share}${at}${fresh}`;
}
