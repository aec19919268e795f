/** Activations of a layer's most active neurons, and of one neuron, as the kernel sends them. */
import type { NeuronsTraits, ScoredToken } from "../../generated/neurons";
import { CodecError, isRecord } from "../../host/codec";
import { readScored } from "../interventions/ablation";
import { arrayOf, float32, int32 } from "../lens/top";

export interface Histogram {
  /** (B + 1,) */
  readonly edges: Float32Array;
  /** (B,) */
  readonly counts: Int32Array;
}

export interface NeuronMap {
  /** `run|layer|n_clusters|order|n_shown` */
  readonly spec: string;
  readonly layer: number;
  /** (M,) indices in the layer, from the top row. */
  readonly neurons: Int32Array;
  /** (M,) */
  readonly cluster: Int32Array;
  /** (M, T); NaN where there is no state. */
  readonly values: Float32Array;
  /** T */
  readonly tokens: number;
  readonly silhouette: number | null;
  readonly total: number;
  readonly histogram: Histogram;
}

export interface Neuron {
  /** `run|layer|index` */
  readonly spec: string;
  readonly layer: number;
  readonly index: number;
  /** (T,) */
  readonly values: Float32Array;
  readonly topTokens: readonly number[];
  readonly histogram: Histogram;
  readonly promotes: readonly ScoredToken[];
  readonly suppresses: readonly ScoredToken[];
  readonly noVocabulary: string;
}

export type MapChoice = Pick<NeuronsTraits, "layer" | "n_clusters" | "order" | "n_shown"> & { readonly run: string };

/** `run|layer|n_clusters|order|n_shown`; Python computes the same. */
export function mapSpec({ run, layer, n_clusters, order, n_shown }: MapChoice): string {
  return [run, layer, n_clusters, order, n_shown].join("|");
}

/** `run|layer|index`; Python computes the same. */
export function neuronSpec(run: string, layer: number, index: number): string {
  return [run, layer, index].join("|");
}

const number = (value: unknown) => (typeof value === "number" ? value : Number.NaN);

function readHistogram(source: unknown): Histogram {
  if (!isRecord(source)) return { edges: new Float32Array(0), counts: new Int32Array(0) };
  const counts = int32(arrayOf(source.counts, "counts", [null]));
  return { counts, edges: float32(arrayOf(source.edges, "edges", [counts.length + 1])) };
}

/** Reads a map. @throws CodecError when something is missing or does not fit. */
export function readMap(source: unknown): NeuronMap {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("a map must name its spec");
  const neurons = arrayOf(source.neurons, "neurons", [null]);
  const count = neurons.shape[0] ?? 0;
  const values = arrayOf(source.values, "values", [count, null]);
  return {
    spec: source.spec,
    layer: number(source.layer),
    neurons: int32(neurons),
    cluster: int32(arrayOf(source.cluster, "cluster", [count])),
    values: float32(values),
    tokens: values.shape[1] ?? 0,
    silhouette: typeof source.silhouette === "number" ? source.silhouette : null,
    total: number(source.total),
    histogram: readHistogram(source.histogram),
  };
}

/** Reads one neuron. @throws CodecError when something is missing or does not fit. */
export function readNeuron(source: unknown): Neuron {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("a neuron must name its spec");
  const tokens = Array.isArray(source.top_tokens) ? source.top_tokens : [];
  return {
    spec: source.spec,
    layer: number(source.layer),
    index: number(source.index),
    values: float32(arrayOf(source.values, "values", [null])),
    topTokens: tokens.filter((position) => typeof position === "number"),
    histogram: readHistogram(source.histogram),
    promotes: readScored(source.promotes),
    suppresses: readScored(source.suppresses),
    noVocabulary: typeof source.no_vocabulary === "string" ? source.no_vocabulary : "",
  };
}

/** (T,) activations of a row. */
export function rowValues(map: NeuronMap, row: number): Float32Array {
  return map.values.subarray(row * map.tokens, (row + 1) * map.tokens);
}
