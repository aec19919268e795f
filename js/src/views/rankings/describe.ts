/** Sentences about the run and its cells, for the line above the picture, the tooltip and assistive technology. */
import { formatCount, formatPercent, formatValue, quoteToken } from "../../charts/format";
import type { RankingsTraits, Tokens } from "../../generated/rankings";
import type { TokenSequence } from "../../ui/strip/tokens";
import { candidates, type Grid } from "./grid";

/** What stands in a column: `generated token`, `token`, `class`. */
export function columnKind({ kind, n_prompt, texts }: Tokens, scope: RankingsTraits["scope"]): string {
  if (kind === "classification") return "class";
  if (kind === "masked" || scope === "all" || n_prompt >= texts.length) return "token";
  return kind === "seq2seq" ? "output token" : "generated token";
}

/** Do the two scopes differ? */
export function hasScopes({ kind, n_prompt, texts, explainable }: Tokens): boolean {
  if (kind === "classification" || n_prompt >= texts.length) return false;
  return explainable.some((position) => position < n_prompt);
}

export interface CellFacts {
  readonly rank: number;
  readonly probability: number;
  readonly entropy: number;
  readonly kl: number;
}

export function cellFacts({ positions, measures }: Grid, layer: number, column: number): CellFacts {
  const at = (values: Float32Array) => values[layer * positions.length + column] ?? Number.NaN;
  return {
    rank: at(measures.rank),
    probability: Math.exp(at(measures.log_probability)),
    entropy: at(measures.entropy),
    kl: at(measures.kl),
  };
}

/** `rank 21`, `p = 0.4%` */
export function tokenFacts({ rank, probability }: CellFacts): string[] {
  return [`rank ${formatCount(rank)}`, `p = ${formatPercent(probability)}`];
}

/** `entropy 3.2 nats`, `KL 1.1 nats to the last layer` */
export function predictionFacts({ entropy, kl }: CellFacts): string[] {
  return [`entropy ${formatValue(entropy)}`, `KL ${formatValue(Math.max(0, kl))} nats`];
}

/** What a person who can't see the colours needs to know about a cell. */
export function describeCell(
  tokens: TokenSequence,
  grid: Grid,
  cell: { readonly layer: number; readonly column: number },
  layerName: string,
): string {
  const position = grid.positions[cell.column] ?? 0;
  const facts = cellFacts(grid, cell.layer, cell.column);
  const [first] = candidates(grid, cell.layer, cell.column);
  const own = `${layerName}: ${tokens.name(position)}, token ${position}, ${tokenFacts(facts).join(", ")}`.replace(
    "p =",
    "probability",
  );
  const best = first && facts.rank > 1 ? ` The layer's best is ${quoteToken(first.text)}.` : "";
  return `${own}.${best}`;
}
