/** Traits and results of a factors widget as the kernel sends them. */
import { StaticModel } from "../../../src/standalone/static-model";

export const TOKENS = 6;

const floats = (shape: number[], values: ArrayLike<number>) => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(values),
});

/** Factors in which factor `k` fires at token `k` with 2 and elsewhere with 0.5. */
export function factorsMessage(how: string, ids: number[], changes: Record<string, unknown> = {}) {
  const values = ids.flatMap((_, k) => Array.from({ length: TOKENS }, (__, token) => (token === k ? 2 : 0.5)));
  return {
    spec: `trace-1|${how}`,
    ids,
    fresh: [],
    loadings: floats([ids.length, TOKENS], values),
    peak: floats([ids.length], new Array(ids.length).fill(2)),
    explained: floats([ids.length], new Array(ids.length).fill(0.2)),
    n_neurons: { dtype: "int32", shape: [ids.length], data: Int32Array.from(ids, () => 7) },
    error: 0.25,
    iterations: 30,
    done: true,
    stopped: false,
    method: "nmf",
    signed: false,
    layers: [0, 1],
    total_neurons: 32,
    ...changes,
  };
}

/** Factors that are still refined. */
export function earlyMessage(how: string, ids: number[], iterations: number) {
  const none = { dtype: "float32", shape: [0], data: new Float32Array(0) };
  const changes = {
    done: false,
    iterations,
    explained: none,
    n_neurons: { ...none, dtype: "int32", data: new Int32Array(0) },
  };
  return factorsMessage(how, ids, changes);
}

export function cardMessage(how: string, id: number) {
  return {
    spec: `trace-1|${how}`,
    id,
    n_neurons: 7,
    share: 0.22,
    explained: 0.2,
    layers: [0, 1],
    by_layer: [3, 4],
    shared: [{ id: 0, n: 2 }],
    top_neurons: [{ layer: 1, index: 3, loading: 0.5 }],
    top_tokens: [id],
    promotes: [{ id: 5, text: " four", score: 2 }],
    suppresses: [],
    no_vocabulary: "",
  };
}

/** A model as Python creates it: two factors at hand. */
export function factorsModel(traits: Record<string, unknown> = {}, sent: unknown[] = []): StaticModel {
  const state = {
    _tokens: {
      run: "trace-1",
      texts: ["1", ",", " 2", ",", " 3", ","],
      ids: [1, 2, 3, 2, 5, 2],
      n_prompt: 4,
      special: [],
      fragments: [],
      first_position: 1,
      kind: "causal",
      n_source: 0,
      segments: [{ name: "text", start: 0, stop: TOKENS }],
      explainable: [1, 2, 3, 4, 5],
    },
    _model: { name: "demo", layers: 2, vocabulary: 100, context: 64 },
    _bounds: {
      most: TOKENS,
      layers: 2,
      widths: [16, 16],
      texts: [{ start: 0, stop: TOKENS }],
      methods: [{ name: "nmf", label: "NMF", note: "", unavailable: "", signed: false, seeded: true }],
      shifted: true,
      stack: "only",
      ablation: "",
    },
    _factors: factorsMessage("nmf|2|all|0|0", [0, 1]),
    _card: {},
    n_components: 2,
    layers: null,
    method: "nmf",
    seed: 0,
    normalize: false,
    pinned: [],
    focus: null,
    card: null,
    marked: null,
    ...traits,
  };
  return new StaticModel(state, (message) => sent.push(message));
}
