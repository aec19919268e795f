/** Mounts widgets for the tests: `window.open_({...})` and what it leaves in `window.ew`. */
import widget from "/static/attribution.js";
import { mount } from "/static/standalone.js";
import { FakeKernel, rowsOf, specKey } from "./kernel.js";
import { texts } from "./texts.js";

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

/** Opens a widget over one of the texts. */
async function open({ text = "countries", live = true, rows = "one", kernel: settings = {}, ...traits } = {}) {
  const tokens = texts[text];
  const state = {
    _tokens: { ...tokens, run: "trace-1" },
    _model: { name: "demo-gpt2", layers: 6, vocabulary: 8192, context: 512 },
    _options: options,
    position: Math.min(31, tokens.texts.length - 1),
    pinned: false,
    attr_method: "grad_x_input",
    target: "logit",
    foil: null,
    aggregation: "l2",
    view_style: "minimal",
    scale: "row",
    ...traits,
  };
  const all = tokens.texts.map((_, i) => i).slice(tokens.first_position);
  const positions = { none: [], one: state.position === null ? [] : [state.position], all, generated: all.filter((i) => i >= tokens.n_prompt) }[rows];
  state._rows = rowsOf(state._tokens, specKey(state), positions);
  const kernel = new FakeKernel(state);
  Object.assign(kernel, settings);
  kernel.failures = new Map(Object.entries(settings.failures ?? {}).map(([value, error]) => [/^\d+$/.test(value) ? Number(value) : value, error]));
  const here = document.querySelector("#here");
  window.ew?.dispose();
  const mounted = await mount(widget, { state }, here, live ? (message) => kernel.receive(message) : undefined);
  kernel.model = mounted.model;
  const root = here.querySelector(".ew-attribution");
  window.ew = { ...mounted, kernel, root, texts, addView: () => mounted.addView(here) };
}

window.openWidget = open;
const query = new URLSearchParams(location.search);
if (query.has("dark")) document.body.classList.add("dark");
await open(JSON.parse(query.get("open") ?? "{}"));
document.body.dataset.ready = "true";
