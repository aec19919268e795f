/**
 * Builds one self-contained ES module (and style sheet) per widget into `ecco_widgets/static/`.
 *
 * anywidget carries a widget's bundle in the widget's state, so each entry must stand alone: no chunks, no CDN, no top-level await.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { WIDGETS } from "./widgets.mjs";

const outdir = fileURLToPath(new URL("../../ecco_widgets/static/", import.meta.url));
const watch = process.argv.includes("--watch");

const entries = [...WIDGETS, "standalone"].filter((name) =>
  existsSync(new URL(`../src/entries/${name}.ts`, import.meta.url)),
);

/** @type {esbuild.BuildOptions} */
const options = {
  absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
  entryPoints: Object.fromEntries(entries.map((name) => [name, `src/entries/${name}.ts`])),
  outdir,
  bundle: true,
  format: "esm",
  splitting: false,
  platform: "browser",
  target: ["es2022"],
  charset: "utf8",
  minify: true,
  legalComments: "none",
  sourcemap: false,
  jsx: "automatic",
  jsxImportSource: "preact",
  // requirejs pages (VS Code, Voila's classic templates) must not have the module grabbed by an AMD loader.
  define: { "define.amd": "false" },
  supported: { "top-level-await": false },
  logLevel: "info",
};

await mkdir(outdir, { recursive: true });
if (watch) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  await esbuild.build(options);
}
