/** Neurons of the demo model (see record_neurons.py), as the kernel would send them. */
const runs = await (await fetch("/neurons-data.json")).json();

export const tokensOf = (text) => ({ ...runs[text]._tokens, run: "trace-1", text });

function array(dtype, shape, values) {
  const Constructor = { int32: Int32Array, float32: Float32Array }[dtype];
  return { dtype, shape, data: Constructor.from(values) };
}

const histogramOf = ({ edges, counts }) => ({
  edges: array("float32", [edges.length], edges),
  counts: array("int32", [counts.length], counts),
});

const specOf = ({ _tokens, layer, n_clusters, order, n_shown }) =>
  [_tokens.run, layer, n_clusters, order, n_shown].join("|");

function mapOf(state) {
  const { _tokens, layer, n_clusters, order, n_shown } = state;
  const found = runs[_tokens.text].maps[layer];
  const tokens = _tokens.texts.length;
  const recorded = found.clusters[n_clusters];
  // Of other numbers than those recorded: the clusters of the next larger one.
  const size = Object.keys(recorded).map(Number).find((count) => count >= n_shown);
  const count = Math.min(n_shown, found.neurons.length);
  const { cluster, silhouette } = recorded[size];
  const rows = Array.from({ length: count }, (_, i) => i);
  if (order === "cluster") rows.sort((a, b) => cluster[a] - cluster[b] || a - b);
  if (order === "index") rows.sort((a, b) => found.neurons[a] - found.neurons[b]);
  return {
    spec: specOf(state),
    layer,
    neurons: array("int32", [count], rows.map((i) => found.neurons[i])),
    cluster: array("int32", [count], rows.map((i) => cluster[i])),
    values: array("float32", [count, tokens], rows.flatMap((i) => found.values.slice(i * tokens, (i + 1) * tokens))),
    silhouette,
    total: found.total,
    histogram: histogramOf(found.histogram),
  };
}

function neuronOf({ _tokens, layer }, index) {
  const { values, histogram, ...others } = runs[_tokens.text].maps[layer].details[index];
  return {
    ...others,
    spec: [_tokens.run, layer, index].join("|"),
    layer,
    index,
    values: array("float32", [values.length], values),
    histogram: histogramOf(histogram),
  };
}

export function stateOf(tokens, { computed = true, unavailable = "", ...traits }) {
  const run = runs[tokens.text];
  const state = {
    _tokens: tokens,
    _bounds: {
      layers: run.layers,
      widths: run.widths,
      most_clusters: 20,
      most_shown: 160,
      shifted: true,
      stack: "only",
      ablation: unavailable,
    },
    layer: 3,
    n_clusters: 8,
    order: "cluster",
    n_shown: 100,
    selected: null,
    marked: null,
    ...traits,
  };
  return {
    ...state,
    _map: computed ? mapOf(state) : {},
    _neuron: computed && state.selected !== null ? neuronOf(state, state.selected) : {},
  };
}

export const answers = {
  key: specOf,
  data: (state) => ({ map: mapOf(state) }),
  channels: { neuron: (state) => (state.selected === null ? {} : { neuron: neuronOf(state, state.selected) }) },
  operations: {
    neuron: ({ index }, state) => ({ neuron: neuronOf(state, index) }),
    intervene({ layer, index }, { _tokens }) {
      const { intervened } = runs[_tokens.text];
      const spec = [_tokens.run, layer, index].join("|");
      return { ablation: { spec, id: null, layer, index, top: null, text: 0, ...intervened } };
    },
  },
};

export const recorded = (text) => runs[text];
