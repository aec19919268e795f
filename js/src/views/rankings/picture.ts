/** From a grid to what the heat map shows. */
import type { Theme } from "../../charts/color";
import type { HeatmapContent } from "../../ui/heatmap/content";
import type { TokenSequence } from "../../ui/strip/tokens";
import { shortLayerName } from "../lens/layers";
import type { Grid, MeasureName } from "./grid";
import { type MeasureScale, measureScale } from "./measures";

export interface Picture {
  readonly grid: Grid;
  readonly scale: MeasureScale;
  /** Layer of each row. */
  readonly layers: readonly number[];
  readonly content: HeatmapContent;
}

export interface PictureInput {
  readonly grid: Grid;
  readonly measure: MeasureName;
  /** Layer of each row, from the top. */
  readonly layers: readonly number[];
  readonly layerNames: readonly string[];
  readonly columns: readonly string[];
  readonly vocabulary: number;
  readonly theme: Theme;
  readonly caption: string;
  /** Row labels without the word that all of them begin with. */
  readonly short: boolean;
}

/** A token above its column: without the space before it, white space made visible. */
export function columnLabel(tokens: TokenSequence, index: number): string {
  const fragment = tokens.fragment(index);
  const text = tokens.text(fragment?.start ?? index);
  if (text === "") return `#${tokens.ids[index] ?? index}`;
  const visible = text
    .trim()
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, "·");
  if (fragment && fragment.piece > 0) return `…${fragment.piece + 1}`;
  if (visible) return visible;
  if (text.includes("\n")) return "↵";
  return text.includes("\t") ? "→" : "␣";
}

/** (rows, columns) values in the order of the rows. */
export function inOrder(values: Float32Array, columns: number, layers: readonly number[]): Float32Array {
  const ordered = new Float32Array(layers.length * columns);
  layers.forEach((layer, row) => {
    ordered.set(values.subarray(layer * columns, (layer + 1) * columns), row * columns);
  });
  return ordered;
}

export function draw(input: PictureInput): Picture {
  const { grid, measure, layers, layerNames, columns, vocabulary, theme, caption, short } = input;
  const values = inOrder(grid.measures[measure], grid.positions.length, layers);
  const scale = measureScale(measure, values, vocabulary, theme);
  const names = layers.map((layer) => layerNames[layer] ?? `layer ${layer}`);
  return {
    grid,
    scale,
    layers,
    content: {
      values,
      scale,
      caption,
      labels: { rows: short ? names.map(shortLayerName) : names, columns, corner: short ? "layer" : "" },
    },
  };
}
