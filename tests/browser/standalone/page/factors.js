/** Factors of the demo model's neurons (see record_factors.py), as the kernel would send them. */
const runs = await (await fetch("/factors-data.json")).json();

export const tokensOf = (text) => {
  const run = runs[text];
  return { ...run._tokens, run: "trace-1", text };
};

const SIGNED = ["pca", "ica"];

const methodsOf = ({ caveats }) =>
  Object.entries(caveats).map(([name, note]) => ({
    name,
    label: name.toUpperCase(),
    note,
    unavailable: "",
    signed: SIGNED.includes(name),
    seeded: name !== "pca",
  }));

function array(dtype, shape, values) {
  const Constructor = { int32: Int32Array, float32: Float32Array }[dtype];
  return { dtype, shape, data: Constructor.from(values) };
}

const rows = (values, tokens) => Array.from({ length: values.length / tokens }, (_, k) => values.slice(k * tokens, (k + 1) * tokens));

function cosine(a, b) {
  const dot = a.reduce((sum, x, i) => sum + x * b[i], 0);
  return dot / Math.max(1e-12, Math.hypot(...a) * Math.hypot(...b));
}

/** Identities: factors that are alike keep theirs. */
class Identities {
  known = [];
  next = 0;

  match(loadings) {
    const pairs = loadings.flatMap((row, k) => this.known.map(({ id, row: other }) => ({ k, id, alike: cosine(row, other) })));
    const ids = new Array(loadings.length).fill(null);
    for (const { k, id, alike } of pairs.sort((a, b) => b.alike - a.alike)) {
      if (alike > 0.5 && ids[k] === null && !ids.includes(id)) ids[k] = id;
    }
    const before = this.known.map(({ id }) => id);
    const taken = new Set([...before, ...ids]);
    let free = 0;
    const matched = ids.map((id) => {
      if (id !== null) return id;
      while (taken.has(free)) free++;
      taken.add(free);
      return free;
    });
    return { ids: matched, fresh: before.length === 0 ? [] : matched.filter((id) => !before.includes(id)) };
  }

  remember(ids, loadings) {
    this.known = ids.map((id, k) => ({ id, row: loadings[k] }));
  }
}

const layersOf = ({ layers }) => (layers ? layers.join(",") : "all");
const keyOf = (state) => `${state.method}|${state.n_components}|${layersOf(state)}`;
const specOf = (state) =>
  [state._tokens.run, state.method, state.n_components, layersOf(state), state.seed, state.normalize ? 1 : 0].join("|");

let identities = new Identities();
/** Row of each identity in the last finished picture. */
let order = [];

function picture(state, found, { done, stopped = false }) {
  const tokens = state._tokens.texts.length;
  const loadings = rows(found.loadings, tokens);
  const { ids, fresh } = identities.match(loadings);
  // Survivors keep their places, new ones come last.
  const before = identities.known.map(({ id }) => id);
  const place = (id) => (before.includes(id) ? before.indexOf(id) : before.length + ids.indexOf(id));
  const sorted = ids.map((_, k) => k).sort((a, b) => place(ids[a]) - place(ids[b]));
  const pick = (values) => sorted.map((k) => values[k]);
  const recorded = runs[state._tokens.text].factors[keyOf(state)];
  const kept = pick(loadings);
  if (done) {
    identities.remember(pick(ids), kept);
    order = sorted;
  }
  return {
    spec: specOf(state),
    ids: pick(ids),
    fresh,
    loadings: array("float32", [ids.length, tokens], kept.flat()),
    peak: array("float32", [ids.length], kept.map((row) => Math.max(...row.map(Math.abs)))),
    explained: array("float32", [done ? ids.length : 0], done ? pick(recorded.explained) : []),
    n_neurons: array("int32", [done ? ids.length : 0], done ? pick(recorded.n_neurons) : []),
    error: found.error,
    iterations: found.iterations,
    done,
    stopped,
    method: state.method,
    signed: SIGNED.includes(state.method),
    layers: recorded.layers,
    total_neurons: recorded.total_neurons,
  };
}

function cardOf(state, id) {
  const ids = identities.known.map((known) => known.id);
  const { cards, explained } = runs[state._tokens.text].factors[keyOf(state)];
  const k = order[ids.indexOf(id)];
  const { shared, ablation, ...card } = cards[k];
  const idOf = (row) => ids[order.indexOf(row)];
  return {
    ...card,
    spec: specOf(state),
    id,
    explained: explained[k],
    shared: shared.map(({ row, n }) => ({ id: idOf(row), n })).sort((a, b) => b.n - a.n),
  };
}

export function stateOf(tokens, { computed = true, unavailable = "", texts, ...traits }) {
  identities = new Identities();
  const run = runs[tokens.text];
  const state = {
    _tokens: tokens,
    _bounds: {
      most: Math.min(50, tokens.texts.length),
      layers: run.layers,
      widths: run.widths,
      texts: texts ?? [{ start: 0, stop: tokens.texts.length }],
      methods: methodsOf(run),
      shifted: true,
      stack: "only",
      ablation: unavailable,
    },
    n_components: 6,
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
  const _factors = computed ? picture(state, run.factors[keyOf(state)], { done: true }) : {};
  return { ...state, _factors, _card: computed && state.card !== null ? cardOf(state, state.card) : {} };
}

export const answers = {
  key: specOf,
  step: "iteration",
  data: (state) => ({ factors: picture(state, runs[state._tokens.text].factors[keyOf(state)], { done: true }) }),
  /** What is sent before the answer. */
  early: (state) =>
    runs[state._tokens.text].factors[keyOf(state)].early.map((found) => () => ({ factors: picture(state, found, { done: false }) })),
  /** What is sent when the request is cancelled. */
  cancelled(state) {
    const { early } = runs[state._tokens.text].factors[keyOf(state)];
    return { factors: picture(state, early.at(-1), { done: true, stopped: true }) };
  },
  channels: { card: (state) => (state.card === null ? {} : { card: cardOf(state, state.card) }) },
  operations: {
    card: ({ id }, state) => ({ card: cardOf(state, id) }),
    ablate({ id, top }, state) {
      const ids = identities.known.map((known) => known.id);
      const { cards } = runs[state._tokens.text].factors[keyOf(state)];
      const { ablation } = cards[order[ids.indexOf(id)]];
      return { ablation: { spec: specOf(state), id, layer: null, index: null, top: top ?? null, text: 0, ...ablation } };
    },
  },
};
