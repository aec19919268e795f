/** From the kernel's best tokens to the rows of the table. */

import { seriesColor } from "../../charts/series";
import type { TokenChoice } from "../../generated/shared";
import type { LayerRow, Predictions } from "../../ui/predictions/picture";
import type { LensTop } from "./top";

/** The row of one layer. */
export function layerRow(top: LensTop, layer: number, name: string): LayerRow {
  const { k, stride, ids, probabilities, texts, actual } = top;
  return {
    layer,
    name,
    candidates: Array.from({ length: Math.min(k, stride) }, (_, i) => ({
      id: ids[layer * stride + i] ?? -1,
      text: texts[layer]?.[i] ?? "",
      probability: probabilities[layer * stride + i] ?? Number.NaN,
    })),
    actual: actual && {
      rank: top.actualRanks[layer] ?? Number.NaN,
      probability: top.actualProbabilities[layer] ?? Number.NaN,
    },
  };
}

/**
 * What the table shows.
 *
 * @param shown Layers from the top row to the bottom row.
 */
export function predictionsOf(
  top: LensTop,
  shown: readonly number[],
  names: readonly string[],
  watched: readonly TokenChoice[],
  faded: boolean,
): Predictions {
  return {
    rows: shown.filter((layer) => layer < top.layers).map((l) => layerRow(top, l, names[l] ?? `layer ${l}`)),
    k: Math.min(top.k, top.stride),
    actual: top.actual,
    watched: new Map(watched.map(({ id }, i) => [id, seriesColor(i)])),
    faded,
  };
}
