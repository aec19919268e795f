/** Is the effect of some neurons more than that of as many random ones? */
import { formatPercent, formatValue, quoteToken } from "../../charts/format";
import type { Ablation } from "./ablation";

/** A change farther from the random neurons' mean than this many of their spreads is called more than random. */
export const CLEAR = 2;

/** Changes that differ by less than this (nats) are the same to any reader. */
const LEAST = 0.005;

/** A change in nats: three digits that count, no finer than a thousandth. */
export function formatNats(nats: number): string {
  return Math.abs(nats) < 0.0995
    ? nats
        .toFixed(3)
        .replace(/^-0\.000$/, "0.000")
        .replace("-", "\u2212")
    : formatValue(nats);
}

export interface PointEffect {
  readonly position: number;
  /** Changes of the log-probability, in nats. */
  readonly change: number;
  readonly random: number | null;
  readonly spread: number;
}

/** The changes at each output, the random neurons' beside them. */
export function pointEffects({ log_p }: Ablation): PointEffect[] {
  return log_p.map(({ position, before, after, random_mean, random_spread }) => ({
    position,
    change: after - before,
    random: random_mean === null ? null : random_mean - before,
    spread: random_spread ?? 0,
  }));
}

export interface Effect {
  /** Means over the outputs, in nats. */
  readonly change: number;
  readonly random: number | null;
  readonly spread: number;
  readonly verdict: "more" | "same" | "less" | "unknown";
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** All outputs together. */
export function effectOf(points: readonly PointEffect[]): Effect {
  const change = mean(points.map((point) => point.change));
  const randoms = points.map(({ random }) => random).filter((random) => random !== null);
  const spread = mean(points.map((point) => point.spread));
  if (points.length === 0 || randoms.length < points.length) {
    return { change, random: null, spread: Number.NaN, verdict: "unknown" };
  }
  const random = mean(randoms);
  const clear = Math.abs(change - random) > Math.max(CLEAR * spread, LEAST);
  const verdict = !clear ? "same" : Math.abs(change) > Math.abs(random) ? "more" : "less";
  return { change, random, spread, verdict };
}

const VERDICTS = {
  more: "That is more than random neurons do.",
  same: "That is no more than random neurons do.",
  less: "That is less than random neurons do.",
  unknown: "",
};

/** `factor 3's 912 neurons`, changed as they were: a plain sentence. */
export function effectSentence(effect: Effect, count: number, draws: number, overlap = 0): string {
  const { change, random, spread, verdict } = effect;
  if (Number.isNaN(change)) return "";
  const own = `The log-probability of the tokens changes by ${formatNats(change)} nats on average`;
  if (random === null || verdict === "unknown") return `${own}.`;
  const many = count === 1 ? "a random neuron" : "as many random neurons";
  const others = `with ${many} by ${formatNats(random)} ± ${formatNats(spread)} (${draws} draws)`;
  const same =
    overlap > 0 ? ` ${formatPercent(overlap)} of the random ones are the same neurons: there are no others.` : "";
  return `${own}, ${others}. ${VERDICTS[verdict]}${same}`;
}

/** `p(" 4") 71% → 9% · random neurons 70% (64%–76%)` at one output: their mean and spread, carried over from log p. */
export function pointSentence(text: string, { log_p }: Ablation, index: number): string {
  const point = log_p[index];
  if (!point) return "";
  const { before, after, random_mean, random_spread } = point;
  const percent = (log: number) => formatPercent(Math.exp(Math.min(0, log)));
  const own = `p(${quoteToken(text)}) ${percent(before)} → ${percent(after)}`;
  if (random_mean === null) return own;
  const [low, high] = [percent(random_mean - (random_spread ?? 0)), percent(random_mean + (random_spread ?? 0))];
  return `${own} · random neurons ${percent(random_mean)}${low === high ? "" : ` (${low}–${high})`}`;
}
