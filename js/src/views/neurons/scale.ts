/** From an activation to a colour. */
import type { Theme } from "../../charts/color";
import { formatValue } from "../../charts/format";
import { niceCeiling } from "../../charts/intervals";
import { sequentialTable, stepOf } from "../../charts/sequential";
import type { CellScale } from "../../ui/heatmap/content";

/** Where the ramp ends: so large a share of the activations is inside; a few giants would leave the others without colour. */
const INSIDE = 0.995;
/** Activations as far below zero as this, compared with those above, have a colour of their own. */
const SIGNED_FROM = 0.25;

export interface ActivationScale extends CellScale {
  /** Zero has its place in the middle. */
  readonly signed: boolean;
  /** The activation at the strong end. */
  readonly end: number;
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly label: string }>;
}

/** The value below which a share of the sizes lies (of at most 20,000 of them). */
function quantile(values: Float32Array, share: number, sign: 1 | -1): number {
  const stride = Math.max(1, Math.floor(values.length / 20_000));
  const sizes: number[] = [];
  for (let i = 0; i < values.length; i += stride) {
    const value = sign * (values[i] ?? Number.NaN);
    if (value > 0) sizes.push(value);
  }
  sizes.sort((a, b) => a - b);
  return sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length))] ?? 0;
}

export function activationScale(values: Float32Array, theme: Theme): ActivationScale {
  const above = quantile(values, INSIDE, 1);
  const below = quantile(values, INSIDE, -1);
  const signed = below > SIGNED_FROM * above;
  const end = niceCeiling(Math.max(above, signed ? below : 0));
  const table = sequentialTable(signed ? "signed" : "moss", theme);
  const strength = (value: number) => (signed ? 0.5 + value / (2 * end) : value / end);
  const ticks = signed ? [-end, 0, end] : [0, end / 2, end];
  return {
    table,
    signed,
    end,
    step: (value) => stepOf(strength(value)),
    text: formatValue,
    widest: "",
    ticks: ticks.map((value) => ({ at: strength(value), label: formatValue(value) })),
  };
}
