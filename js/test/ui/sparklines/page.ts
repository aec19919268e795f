/** A page with nothing but a list of charts, for the browser tests: what a view does with the events, in a few lines. */
import "../../../src/styles/tokens.css";
import "../../../src/styles/sparklines.css";
import { seriesColor, seriesDash } from "../../../src/charts/series";
import { type SparklineState, Sparklines } from "../../../src/ui/sparklines/sparklines";

interface Factor {
  readonly key: string;
  readonly values: readonly number[];
  readonly share: string;
  readonly fresh?: boolean;
}

interface Options {
  readonly factors: readonly Factor[];
  readonly border: number | null;
  readonly dark: boolean;
  readonly width: number;
}

declare global {
  interface Window {
    openSparks: (options: Options) => void;
    sparks: { list: Sparklines; log: string[]; show: (factors: readonly Factor[]) => void; end: () => void };
  }
}

window.openSparks = ({ factors, border, dark, width }) => {
  const root = document.createElement("div");
  root.className = "ew-root";
  root.dataset.theme = dark ? "dark" : "light";
  root.style.cssText = `width: ${width}px; padding: 10px`;
  document.body.style.background = dark ? "#111418" : "#fff";
  document.body.replaceChildren(root);
  const log: string[] = [];
  const ended = new AbortController();
  let state: SparklineState = { isolated: null, pinned: new Set(), marked: null, faded: false };
  const change = (changes: Partial<SparklineState>) => {
    state = { ...state, ...changes };
    list.update(state);
  };
  const list = new Sparklines(
    {
      isolate(key) {
        log.push(`isolate ${key}`);
        change({ isolated: key });
      },
      mark(token) {
        log.push(`mark ${token}`);
        change({ marked: token });
      },
      press(key) {
        log.push(`press ${key}`);
        const pinned = new Set(state.pinned);
        if (!pinned.delete(key)) pinned.add(key);
        change({ pinned });
      },
      leave() {
        log.push("leave");
        change({ pinned: new Set() });
      },
    },
    ended.signal,
  );
  const show = (shown: readonly Factor[]) =>
    list.set({
      series: shown.map(({ key, values, share, fresh = false }) => {
        const index = Number(key) - 1;
        const floats = Float32Array.from(values);
        return {
          key,
          name: key,
          share,
          fresh,
          values: floats,
          max: floats.reduce((most, value) => Math.max(most, value), 0),
          color: seriesColor(index),
          dash: seriesDash(index),
          label: `factor ${key}, ${share}`,
        };
      }),
      tokens: shown[0]?.values.length ?? 0,
      border,
      caption: "Factors",
    });
  root.append(list.element);
  show(factors);
  window.sparks = { list, log, show, end: () => ended.abort() };
};
