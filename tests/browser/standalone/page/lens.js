/** What the lens saw in the demo model (see record_lens.py), as the kernel would send it. */
const runs = await (await fetch("/lens-data.json")).json();

/** A deep model over a longer text, with made-up numbers: only for speed and for room. */
function deepRun() {
  const { _tokens, texts } = runs.countries;
  const words = Object.entries(texts);
  const layers = 48;
  const most = 50;
  const length = 150;
  const at = (i) => i % _tokens.texts.length;
  const sequence = Array.from({ length }, (_, i) => at(i));
  const positions = Array.from({ length }, (_, i) => i + 1);
  const watchable = words.map(([id]) => Number(id)).slice(0, 40);
  const each = (count, f) => Array.from({ length: layers * count }, (_, i) => f(Math.floor(i / count), i % count));
  const top = (p) => ({
    ids: each(most, (l, c) => Number(words[(p * 7 + l * 3 + c * 11) % words.length][0])),
    probabilities: each(most, (l, c) => ((l + 1) / layers) * 0.6 ** (c + 1)),
  });
  const ranks = (p) => ({
    ranks: each(watchable.length, (l, w) => 1 + Math.round((6000 / (1 + w)) * Math.exp(-((l * (3 + (p % 3))) / (9 + w))))),
    probabilities: each(watchable.length, (l, w) => (l / layers) * 0.5 ** (w + 1)),
  });
  const by = (f) => Object.fromEntries(positions.map((p) => [p, f(p)]));
  return {
    _tokens: {
      ..._tokens,
      texts: sequence.map((i) => _tokens.texts[i]),
      ids: sequence.map((i) => _tokens.ids[i]),
      n_prompt: 100,
      segments: [{ name: "text", start: 0, stop: length }],
      explainable: positions.slice(0, -1),
    },
    layers,
    most_top: most,
    next_position: length,
    watchable,
    texts,
    readings: { "1|block": { top: by(top), ranks: by(ranks) } },
  };
}

runs.deep = deepRun();

export const tokensOf = (text) => ({ ...runs[text]._tokens, text });

const SITES = [
  { name: "block", label: "after the block", note: "the residual stream that leaves each block" },
  { name: "attention_out", label: "after attention", note: "the residual stream between attention and feed-forward network" },
  { name: "ffn_out", label: "feed-forward only", note: "what the feed-forward network of each block adds" },
];

const notRecorded = ({ readings }, site) => (readings[`1|${site}`] ? "" : "not recorded");

/** Traits that all lens widgets have. */
export function lensState(tokens, { unavailable = {}, ...traits }) {
  const run = runs[tokens.text];
  const watch = traits.watch ?? [];
  return {
    _tokens: tokens,
    _lens: {
      sites: SITES.map((site) => ({ ...site, unavailable: unavailable[site.name] ?? notRecorded(run, site.name) })),
      has_final_norm: true,
      n_layers: run.layers,
      layer_names: Array.from({ length: run.layers }, (_, layer) => `layer ${layer}`),
      most_top: run.most_top,
      next_position: run.next_position,
    },
    _watched: watchedOf(tokens, watch),
    position: tokens.n_prompt,
    marked: null,
    final_norm: true,
    site: "block",
    layer_order: "top",
    ...traits,
    watch,
  };
}

export const watchedOf = (tokens, ids) => ids.map((id) => ({ id, text: runs[tokens.text].texts[id] }));

const reading = ({ final_norm, site }) => `${final_norm ? 1 : 0}|${site}`;

function array(dtype, shape, values) {
  const Constructor = { int32: Int32Array, float32: Float32Array }[dtype];
  return { dtype, shape, data: Constructor.from(values) };
}

/** `top` of a state. */
export function topOf(state) {
  const { _tokens, position, topk } = state;
  const run = runs[_tokens.text];
  const found = run.readings[reading(state)].top[position];
  const { layers } = run;
  const stride = found.ids.length / layers;
  const cut = (values) => Array.from({ length: layers }, (_, l) => values.slice(l * stride, l * stride + topk));
  const ids = cut(found.ids);
  const id = _tokens.ids[position];
  const ranks = id === undefined ? null : ranksOf({ ...state, watch: [id] });
  return {
    spec: `${_tokens.run}|${position}|${topk}|${reading(state)}`,
    position,
    ids: array("int32", [layers, topk], ids.flat()),
    probabilities: array("float32", [layers, topk], cut(found.probabilities).flat()),
    texts: ids.map((row) => row.map((token) => run.texts[token])),
    actual: ranks && { id, text: run.texts[id] },
    actual_ranks: array("int32", [ranks ? layers : 0], ranks ? ranks.ranks.data : []),
    actual_probabilities: array("float32", [ranks ? layers : 0], ranks ? ranks.probabilities.data : []),
  };
}

/** `ranks` of a state. */
export function ranksOf(state) {
  const { _tokens, position, watch } = state;
  const { readings, layers, watchable } = runs[_tokens.text];
  const found = readings[reading(state)].ranks[position];
  // Made-up runs know some tokens only.
  const columns = watch.map((id) => Math.max(0, watchable.indexOf(id)));
  const pick = (values) =>
    Array.from({ length: layers }, (_, l) => columns.map((c) => values[l * watchable.length + c])).flat();
  return {
    spec: `${_tokens.run}|${position}|${reading(state)}|${watch.join(",")}`,
    position,
    ids: watch,
    ranks: array("int32", [layers, watch.length], pick(found.ranks)),
    probabilities: array("float32", [layers, watch.length], pick(found.probabilities)),
  };
}

/** Operations of all lens widgets. */
export const operations = {
  complete({ text }, { _tokens }) {
    const { texts, watchable } = runs[_tokens.text];
    const all = watchable.map((id) => ({ id, text: texts[id] }));
    const plain = text.trim();
    const begins = all.filter((token) => token.text.trim().startsWith(plain));
    const contains = all.filter((token) => token.text.includes(plain) && !begins.includes(token));
    const known = Object.entries(texts).map(([id, entry]) => ({ id: Number(id), text: entry }));
    const exact = known.find((token) => token.text === text) ?? known.find((token) => token.text === ` ${text}`) ?? null;
    const pieces = text ? piecesOf(text.startsWith(" ") ? text : ` ${text}`, Object.values(texts)) : [];
    return {
      text,
      tokens: text ? [...begins, ...contains].slice(0, 12) : [],
      exact,
      pieces,
      problem: exact || !text ? "" : `"${text}" is ${pieces.length} tokens`,
    };
  },
  contrast: () => ({ contrasted: 1 }),
};

/** The longest known beginning, again and again. */
function piecesOf(text, known) {
  if (text === "") return [];
  const piece = known.filter((entry) => entry && text.startsWith(entry)).sort((a, b) => b.length - a.length)[0] ?? text[0];
  return [piece, ...piecesOf(text.slice(piece.length), known)];
}
