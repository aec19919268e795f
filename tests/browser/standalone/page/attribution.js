/** The attribution widget: its traits, and rows that are a pure function of spec and position. */

const method = (name, label, note, unavailable = "") => ({ name, label, note, unavailable });

const options = {
  methods: [
    method("grad_x_input", "Gradient × Input", "one backward pass; the default"),
    method("integrated_gradients", "Integrated Gradients", "50 steps from an empty baseline; adds up to the logit"),
    method("occlusion", "Occlusion", "leaves each token out in turn"),
    method("gradient", "Gradient", "how sensitive the logit is to each token"),
    method("gradient_shap", "GradientSHAP", "integrated gradients over random baselines"),
    method("deep_lift", "DeepLIFT", "", "not defined for this model: its activations share one module"),
  ],
  targets: [
    { name: "logit", label: "logit", note: "the score before the softmax" },
    { name: "probability", label: "probability", note: "" },
    { name: "log_probability", label: "log p", note: "" },
    { name: "entropy", label: "entropy", note: "how undecided the model was" },
    { name: "contrast", label: "instead of…", note: "why this token rather than another one" },
  ],
  aggregations: [
    { name: "l2", label: "L2", note: "Euclidean norm over the embedding's dimensions", signed: false },
    { name: "l1", label: "L1", note: "sum of absolute values", signed: false },
    { name: "max", label: "max", note: "largest absolute value", signed: false },
    { name: "sum", label: "sum", note: "keeps the sign: for and against", signed: true },
  ],
};

export function specKey({ attr_method, target, foil, aggregation }) {
  return `${attr_method}|${target}|${target === "contrast" ? (foil ?? "") : ""}|${aggregation}`;
}

function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return h >>> 0;
}

function noise(seed) {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
}

/** Can a token have led to the prediction of a position? */
function reads({ kind, n_prompt }, i, position) {
  if (kind === "masked") return i !== position;
  return kind === "classification" ? i < n_prompt : i < position;
}

/** One row: absolute values sum to 1, NaN at tokens that can't have led to it. */
export function row(tokens, spec, position) {
  const { texts } = tokens;
  const signed = spec.endsWith("|sum");
  const seed = (hash(spec) % 97) + position * 0.37;
  const values = new Float32Array(texts.length).fill(Number.NaN);
  let sum = 0;
  for (let i = 0; i < texts.length; i++) {
    if (!reads(tokens, i, position)) continue;
    const kin = /\p{Lu}/u.test(texts[i]) === /\p{Lu}/u.test(texts[position]) ? 1 : 0.25;
    const wordy = /\p{L}{3}/u.test(texts[i]) ? 1 : 0.1;
    const near = 0.25 + Math.exp(-Math.abs(position - i) / Math.max(6, position / 4));
    const strength = kin * wordy * near * (0.25 + noise(seed + i * 1.7)) ** 2;
    values[i] = signed && noise(seed * 3 + i * 2.3) < 0.4 ? -strength : strength;
    sum += strength;
  }
  for (let i = 0; i < texts.length; i++) values[i] /= sum;
  return values;
}

export function rowsOf(tokens, spec, positions) {
  const width = tokens.texts.length;
  const values = new Float32Array(positions.length * width);
  positions.forEach((position, r) => values.set(row(tokens, spec, position), r * width));
  const per = (f) => Float32Array.from(positions, f);
  const rival = tokens.texts.at(-2);
  return {
    spec: `${tokens.run}|${spec}`,
    foils: positions.map(() => (spec.includes("|contrast|") ? spec.split("|")[2] || rival : "")),
    positions,
    values: { dtype: "float32", shape: [positions.length, width], data: values },
    probability: { dtype: "float32", shape: [positions.length], data: per((p) => 0.02 + 0.9 * noise(p * 1.3)) },
    rank: { dtype: "int32", shape: [positions.length], data: Int32Array.from(positions, (p) => 1 + Math.floor(6 * noise(p) ** 3)) },
    target_value: { dtype: "float32", shape: [positions.length], data: per((p) => 12 + noise(p)) },
    gap: {
      dtype: "float32",
      shape: [positions.length],
      data: per(() => (spec.startsWith("integrated_gradients") ? 0.004 : Number.NaN)),
    },
  };
}

/** The widget's traits. */
export function stateOf(tokens, { rows = "one", ...traits }) {
  const state = {
    _options: options,
    position: Math.min(31, tokens.texts.length - 1),
    pinned: false,
    attr_method: "grad_x_input",
    target: "logit",
    foil: null,
    aggregation: "l2",
    view_style: "minimal",
    scale: "row",
    marked: null,
    ...traits,
    _tokens: tokens,
  };
  const all = tokens.explainable;
  const positions = {
    none: [],
    one: state.position === null ? [] : [state.position],
    all,
    generated: all.filter((i) => i >= tokens.n_prompt),
  }[rows];
  return { ...state, _rows: rowsOf(tokens, specKey(state), positions) };
}

export const answers = {
  step: "integration step",
  key: (state) => `${specKey(state)}@${state.position}`,
  at: (state, positions) => [{ rows: rowsOf(state._tokens, specKey(state), positions) }],
  data: (state) => ({ rows: rowsOf(state._tokens, specKey(state), state.position === null ? [] : [state.position]) }),
};
