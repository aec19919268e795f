/** What the cells of the heat map can show, how it is coloured, written and explained. */
import type { Theme } from "../../charts/color";
import { formatCompact, formatShort } from "../../charts/compact";
import { formatCount, formatValue } from "../../charts/format";
import { largest, niceCeiling, rankStrength, rankTicks, ticksTo, worstRank } from "../../charts/intervals";
import { type SequentialName, sequentialTable, stepOf } from "../../charts/sequential";
import type { CellScale } from "../../ui/heatmap/content";
import type { MeasureName } from "./grid";

export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** A measure over the numbers of one grid. */
export interface MeasureScale extends CellScale {
  readonly name: MeasureName;
  /** 0 is weak, 1 is strong. */
  strength(value: number): number;
  /** For the legend, from the left end to the right one. */
  readonly ticks: readonly Tick[];
  /** What the ends mean. */
  readonly ends: readonly [string, string];
}

export interface MeasureChoice {
  readonly name: MeasureName;
  readonly label: string;
  readonly note: string;
}

export const MEASURES: readonly MeasureChoice[] = [
  { name: "rank", label: "rank", note: "how many tokens the layer prefers, plus one" },
  { name: "log_probability", label: "log p", note: "log-probability of the token, in nats" },
  { name: "entropy", label: "entropy", note: "how undecided the layer's prediction is, in nats" },
  { name: "kl", label: "KL", note: "how far the layer's prediction is from the last layer's, in nats" },
];

const RAMPS: Readonly<Record<MeasureName, SequentialName>> = {
  rank: "violet",
  log_probability: "violet",
  entropy: "amber",
  kl: "teal",
};

/** Ticks of a legend of nats. */
const TICKS = 5;

/** The scale of a measure. */
export function measureScale(
  name: MeasureName,
  values: ArrayLike<number>,
  vocabulary: number,
  theme: Theme,
): MeasureScale {
  const table = sequentialTable(RAMPS[name], theme);
  const scale = (strength: (value: number) => number) => ({
    name,
    table,
    strength,
    step: (value: number) => stepOf(strength(value)),
  });
  if (name === "rank") {
    const worst = worstRank(vocabulary);
    return {
      ...scale((rank) => rankStrength(rank, worst)),
      text: formatCompact,
      widest: vocabulary > 1000 ? "8.8k" : "888",
      // From the left, pale, to the right, strong: the worst rank comes first.
      ticks: rankTicks(worst)
        .reverse()
        .map((value) => ({ value, label: formatCompact(value) })),
      ends: ["", "best"],
    };
  }
  // A guess without any idea has this entropy, and this log-probability below zero.
  const guess = Math.log(Math.max(2, vocabulary));
  const common = { text: formatShort, widest: "−8.8" };
  if (name === "log_probability") {
    return {
      ...scale((value) => 1 + value / guess),
      ...common,
      ticks: nats(guess, (value) => -value).reverse(),
      ends: ["", "certain"],
    };
  }
  const end = name === "entropy" ? guess : niceCeiling(Math.min(largest(values), 2 * guess));
  return {
    ...scale((value) => value / end),
    ...common,
    ticks: nats(end, (value) => value),
    ends: name === "entropy" ? ["certain", ""] : ["as the last", ""],
  };
}

function nats(end: number, sign: (value: number) => number): Tick[] {
  return ticksTo(end, TICKS).map((tick) => {
    const value = tick === 0 ? 0 : sign(tick);
    return { value, label: formatValue(value) };
  });
}

/** The line under the title: what a cell is, which way is better, out of how many. */
export function measureSentence(name: MeasureName, tokens: string, vocabulary: number): string {
  switch (name) {
    case "rank":
      return `rank of each ${tokens} at each layer, 1 is best, of ${formatCount(vocabulary)}`;
    case "log_probability":
      return `log-probability of each ${tokens} at each layer in nats, 0 is certain`;
    case "entropy":
      return `entropy of each layer's prediction in nats: 0 is certain, ${formatValue(Math.log(vocabulary))} a blind guess`;
    case "kl":
      return "how far each layer's prediction is from the last layer's (KL divergence in nats)";
  }
}
