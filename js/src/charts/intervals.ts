/** From values to strengths (0 is weak, 1 is strong), and the ticks of a legend. */

/** Ranks beyond this are equally hopeless. */
export const WORST_RANK = 10_000;

/** Where the scale of ranks ends: at the vocabulary's size, or at `WORST_RANK`. */
export function worstRank(vocabulary: number): number {
  return Math.max(2, Math.min(WORST_RANK, vocabulary));
}

/** 1 for rank 1, 0 for `worst`; equal ratios of ranks are equal steps. */
export function rankStrength(rank: number, worst: number): number {
  return 1 - Math.log(rank) / Math.log(worst);
}

/** Powers of ten up to the worst rank: 1, 10, 100, ... */
export function rankTicks(worst: number): number[] {
  const ticks: number[] = [];
  for (let tick = 1; tick <= worst; tick *= 10) ticks.push(tick);
  return ticks;
}

/** The smallest round number (one of the factors times a power of ten) that is not smaller. */
function roundUp(value: number, factors: readonly number[]): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  const factor = factors.find((candidate) => candidate * unit >= value * (1 - 1e-9)) ?? 10;
  return Number((factor * unit).toPrecision(2));
}

/** Where a scale ends that has to reach a value. */
export function niceCeiling(value: number): number {
  return roundUp(value, [1, 1.5, 2, 3, 4, 5, 6, 8]);
}

/** Round values from 0 to `end`, at most `count` + 1 of them. */
export function ticksTo(end: number, count: number): number[] {
  if (!(end > 0) || !Number.isFinite(end)) return [0];
  const step = roundUp(end / count, [1, 2, 5]);
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

/** The largest finite value; 0 if there is none. */
export function largest(values: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value > found && value !== Number.POSITIVE_INFINITY) found = value;
  }
  return found;
}
