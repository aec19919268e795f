/** A small grid as the kernel sends it: three layers, three positions, vocabulary of 1,000. */
import { StaticModel } from "../../../src/standalone/static-model";

const array = (dtype: string, shape: number[], data: ArrayLike<number>) => ({
  dtype,
  shape,
  data: dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data),
});

export const RUN = "trace-1";
export const SPEC = `${RUN}|generated|1|block`;
export const RANKS = [500, 3, 20, 40, 1, 2, 1, 1, 1];

export function gridMessage(spec = SPEC, positions = [5, 6, 7]) {
  const cells = 3 * positions.length;
  const ranks = Array.from({ length: cells }, (_, i) => RANKS[i % RANKS.length] ?? 1);
  const tops = Array.from({ length: cells * 2 }, (_, i) => (i % 2 === 0 ? 10 + (i % 5) : 20));
  return {
    spec,
    positions,
    rank: array("int32", [3, positions.length], ranks),
    log_probability: array(
      "float32",
      [3, positions.length],
      ranks.map((rank) => Math.log(0.5 / rank)),
    ),
    entropy: array(
      "float32",
      [3, positions.length],
      ranks.map((rank) => Math.log(rank)),
    ),
    kl: array(
      "float32",
      [3, positions.length],
      ranks.map((rank) => rank / 100),
    ),
    top_ids: array("int32", [3, positions.length, 2], tops),
    top_probabilities: array(
      "float32",
      [3, positions.length, 2],
      tops.map((_, i) => (i % 2 === 0 ? 0.5 : 0.25)),
    ),
    texts: { 10: " is", 11: " was", 12: " has", 13: " had", 14: " are", 20: " the" },
  };
}

export function topMessage(position: number, k = 2) {
  return {
    spec: `${RUN}|${position}|${k}|1|block`,
    position,
    ids: array(
      "int32",
      [3, k],
      Array.from({ length: 3 * k }, (_, i) => i),
    ),
    probabilities: array(
      "float32",
      [3, k],
      Array.from({ length: 3 * k }, () => 0.1),
    ),
    texts: Array.from({ length: 3 }, () => Array.from({ length: k }, (_, i) => ` t${i}`)),
    actual: { id: 6, text: " are" },
    actual_ranks: array("int32", [3], [9, 2, 1]),
    actual_probabilities: array("float32", [3], [0.1, 0.2, 0.9]),
  };
}

export const TOKENS = {
  run: RUN,
  texts: ["The", " keys", " to", " the", " cabinet", " are", " on", "."],
  ids: [1, 2, 3, 4, 5, 6, 7, 8],
  n_prompt: 5,
  special: [],
  fragments: [],
  first_position: 1,
  kind: "causal" as const,
  n_source: 0,
  segments: [{ name: "text" as const, start: 0, stop: 8 }],
  explainable: [1, 2, 3, 4, 5, 6, 7],
};

export function model(traits: Record<string, unknown> = {}, sent: unknown[] = []): StaticModel {
  const state = {
    _tokens: TOKENS,
    _model: { name: "demo", layers: 3, vocabulary: 1000, context: 512 },
    _lens: {
      sites: [{ name: "block", label: "block", note: "", unavailable: "" }],
      has_final_norm: true,
      n_layers: 3,
      layer_names: ["layer 0", "layer 1", "layer 2"],
      most_top: 50,
      next_position: 8,
    },
    _grid: gridMessage(),
    _top: {},
    _kept: [],
    _watched: [],
    measure: "rank",
    scope: "generated",
    position: null,
    marked: null,
    topk: 2,
    final_norm: true,
    site: "block",
    layer_order: "top",
    watch: [],
    ...traits,
  };
  return new StaticModel(state, (message) => sent.push(message));
}
