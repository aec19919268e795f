/** Mounts widgets for the tests: `window.openWidget({...})` and what it leaves in `window.ew`. */
import { mount } from "/static/standalone.js";
import * as attribution from "./attribution.js";
import * as factors from "./factors.js";
import { FakeKernel } from "./kernel.js";
import * as layerPredictions from "./layer_predictions.js";
import { tokensOf } from "./lens.js";
import * as neurons from "./neurons.js";
import * as rankingsWatch from "./rankings_watch.js";
import { texts } from "./texts.js";

const WIDGETS = { attribution, factors, layer_predictions: layerPredictions, neurons, rankings_watch: rankingsWatch };

function addStyles(widget) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = `/static/${widget}.css`;
  return new Promise((done) => {
    link.onload = done;
    document.head.append(link);
  });
}

/** Opens a widget over one of the texts. */
async function open({ widget = "attribution", text, live = true, kernel: settings = {}, ...traits } = {}) {
  const { stateOf, answers } = WIDGETS[widget];
  const [{ default: definition }] = await Promise.all([import(`/static/${widget}.js`), addStyles(widget)]);
  const named = widget === "attribution" ? (name) => texts[name] : (WIDGETS[widget].tokensOf ?? tokensOf);
  const tokens = named(text ?? "countries");
  const caption = { name: "demo-gpt2", layers: 6, vocabulary: 6144, context: 512 };
  const state = { _model: caption, ...stateOf({ run: "trace-1", ...tokens }, traits) };
  const kernel = new FakeKernel(state, answers);
  Object.assign(kernel, settings);
  const failures = Object.entries(settings.failures ?? {});
  kernel.failures = new Map(failures.map(([value, error]) => [/^\d+$/.test(value) ? Number(value) : value, error]));
  const here = document.querySelector("#here");
  window.ew?.dispose();
  const mounted = await mount(definition, { state }, here, live ? (message) => kernel.receive(message) : undefined);
  kernel.model = mounted.model;
  const root = here.querySelector(".ew-root");
  window.ew = { ...mounted, kernel, root, texts, addView: () => mounted.addView(here) };
}

window.openWidget = open;
const query = new URLSearchParams(location.search);
if (query.has("dark")) document.body.classList.add("dark");
await open(JSON.parse(query.get("open") ?? "{}"));
document.body.dataset.ready = "true";
