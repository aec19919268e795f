/** Fails when a built bundle is over its budget (bytes, minified, not compressed). */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WIDGETS } from "./widgets.mjs";

const KB = 1000;
const BUDGETS = {
  ...Object.fromEntries(
    WIDGETS.flatMap((name) => [
      [`${name}.js`, 120 * KB],
      [`${name}.css`, 28 * KB],
    ]),
  ),
  "standalone.js": 8 * KB,
};

const staticDir = new URL("../../ecco_widgets/static/", import.meta.url);
let failed = false;
for (const [name, budget] of Object.entries(BUDGETS)) {
  const path = fileURLToPath(new URL(name, staticDir));
  const found = await stat(path).catch(() => null);
  if (found === null) {
    console.error(`${name} is not built: run "npm run build" first.`);
    failed = true;
    continue;
  }
  const over = found.size > budget;
  failed ||= over;
  const kb = (bytes) => `${(bytes / KB).toFixed(1)} kB`.padStart(9);
  console.log(`${name.padEnd(23)}${kb(found.size)} of ${kb(budget)}${over ? "  OVER BUDGET" : ""}`);
}
process.exitCode = failed ? 1 : 0;
