/** Mounts a rankings widget for the tests: `window.openWidget({...})` and what it leaves in `window.ew`. */
import widget from "/static/rankings.js";
import { mount, restoreState } from "/static/standalone.js";
import { RankingsKernel } from "./rankings-kernel.js";

/** Opens a widget over a saved state; `answers` are what the kernel has for other choices, by spec. */
async function open({ saved, answers = [], live = true, kernel: settings = {}, dark = false }) {
  document.body.classList.toggle("dark", dark);
  const kernel = new RankingsKernel(restoreState(saved), answers.map(restoreState));
  Object.assign(kernel, settings);
  kernel.failures = new Map(Object.entries(settings.failures ?? {}));
  const here = document.querySelector("#here");
  window.ew?.dispose();
  const mounted = await mount(widget, saved, here, live ? (message) => kernel.receive(message) : undefined);
  kernel.model = mounted.model;
  const root = here.querySelector(".ew-rankings");
  window.ew = { ...mounted, kernel, root, map: root.ewHeatmap, addView: () => mounted.addView(here) };
}

window.openWidget = open;
document.body.dataset.ready = "true";
