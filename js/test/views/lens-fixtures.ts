/** Traits and results of the lens as the kernel sends them. */
import { StaticModel } from "../../src/standalone/static-model";

export const LAYERS = 3;

const TEXTS = ["The", " keys", " to", " the", " cabinet", " are", " on", "."];

/** Best tokens in which token `i` of layer `l` has id `10 l + i`. */
export function topMessage(
  spec: string,
  k: number,
  { position = 5, actual = true }: { position?: number; actual?: boolean } = {},
) {
  const ids = Int32Array.from({ length: LAYERS * k }, (_, i) => 10 * Math.floor(i / k) + (i % k));
  const rows = actual ? LAYERS : 0;
  return {
    spec: `trace-1|${position}|${k}|${spec}`,
    position,
    ids: { dtype: "int32", shape: [LAYERS, k], data: ids },
    probabilities: { dtype: "float32", shape: [LAYERS, k], data: new Float32Array(LAYERS * k).fill(1 / k) },
    texts: Array.from({ length: LAYERS }, (_, l) => Array.from({ length: k }, (_, i) => ` t${10 * l + i}`)),
    actual: actual ? { id: 20, text: TEXTS[position] ?? "" } : null,
    actual_ranks: { dtype: "int32", shape: [rows], data: Int32Array.from([40, 7, 1].slice(0, rows)) },
    actual_probabilities: { dtype: "float32", shape: [rows], data: Float32Array.from([0.01, 0.1, 0.5].slice(0, rows)) },
  };
}

/** Ranks in which layer `l` ranks token `id` at `id + l`. */
export function ranksMessage(
  ids: number[],
  { position = 5, how = "1|block" }: { position?: number; how?: string } = {},
) {
  const shape = [LAYERS, ids.length];
  const ranks = Int32Array.from(
    { length: LAYERS * ids.length },
    (_, i) => (ids[i % ids.length] ?? 0) + Math.floor(i / ids.length),
  );
  return {
    spec: `trace-1|${position}|${how}|${ids.join(",")}`,
    position,
    ids,
    ranks: { dtype: "int32", shape, data: ranks },
    probabilities: { dtype: "float32", shape, data: new Float32Array(ranks.length).fill(0.25) },
  };
}

/** A model as Python creates it. */
export function lensModel(traits: Record<string, unknown> = {}, sent: unknown[] = []): StaticModel {
  const state = {
    _tokens: {
      run: "trace-1",
      texts: TEXTS,
      ids: [1, 2, 3, 4, 5, 20, 7, 8],
      n_prompt: 5,
      special: [],
      fragments: [],
      first_position: 1,
      kind: "causal",
      n_source: 0,
      segments: [{ name: "text", start: 0, stop: 8 }],
      explainable: [1, 2, 3, 4, 5, 6, 7],
    },
    _model: { name: "demo", layers: LAYERS, vocabulary: 8192, context: 512 },
    _lens: {
      sites: [
        { name: "block", label: "after the block", note: "", unavailable: "" },
        { name: "ffn_out", label: "feed-forward only", note: "", unavailable: "" },
      ],
      has_final_norm: true,
      n_layers: LAYERS,
      layer_names: ["layer 0", "layer 1", "layer 2"],
      most_top: 50,
      next_position: 8,
    },
    _watched: [],
    position: 5,
    marked: null,
    final_norm: true,
    site: "block",
    layer_order: "top",
    watch: [],
    ...traits,
  };
  return new StaticModel(state, (message) => sent.push(message));
}
