/** Sentences about neurons, for the line above the picture, the tooltip and assistive technology. */
import { formatCount, formatValue } from "../../charts/format";
import type { NeuronBounds } from "../../generated/neurons";
import type { Cell } from "../../ui/heatmap/layout";
import type { TokenSequence } from "../../ui/strip/tokens";
import type { Histogram, NeuronMap } from "./neuron-map";

/** `96 most active of 1,024 neurons of layer 3 · 8 clusters · silhouette 0.31` */
export function describeMap(map: NeuronMap, clusters: number, stack: NeuronBounds["stack"]): string {
  const whose = stack === "only" ? "" : `${stack} `;
  const shown = map.neurons.length;
  const which =
    shown < map.total
      ? `${formatCount(shown)} most active of ${formatCount(map.total)} neurons`
      : `all ${formatCount(shown)} neurons`;
  const parts = [`${which} of ${whose}layer ${map.layer}`];
  if (clusters > 1) parts.push(`${clusters} clusters`);
  if (map.silhouette !== null) parts.push(`silhouette ${formatValue(map.silhouette)}`);
  return parts.join(" · ");
}

/** What a person who can't see the colours needs to know about a cell. */
export function describeCell(map: NeuronMap, tokens: TokenSequence, { row, column }: Cell): string {
  const value = map.values[row * map.tokens + column] ?? Number.NaN;
  const cluster = (map.cluster[row] ?? 0) + 1;
  const index = map.neurons[row] ?? "?";
  return `neuron ${index}, cluster ${cluster}: ${formatValue(value)} at ${tokens.name(column)}, token ${column}`;
}

/** Columns of a histogram, with what each of them counts. */
export function histogramColumns({ edges, counts }: Histogram): { value: number; title: string }[] {
  return Array.from(counts, (value, i) => ({
    value,
    title: `${formatValue(edges[i] ?? 0)} to ${formatValue(edges[i + 1] ?? 0)}: ${formatCount(value)}`,
  }));
}
