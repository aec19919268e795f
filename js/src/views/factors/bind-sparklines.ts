/** Ties the list of charts to the store: factors down, gestures up. */
import { effect } from "@preact/signals-core";
import { hueDash } from "../../charts/categorical";
import { onAbort } from "../../host/listen";
import type { SparkSeries } from "../../ui/sparklines/row";
import { Sparklines } from "../../ui/sparklines/sparklines";
import { generatedFrom } from "../shared/parts";
import { describeRow, formatExplained } from "./describe";
import { type FactorSet, factorName } from "./factor-set";
import type { FactorsStore } from "./store";
import { factorColor, type ViewState } from "./view-state";

export function bindSparklines(store: FactorsStore, view: ViewState): Sparklines {
  const { traits } = store;
  const { ended } = view;
  /** Shares that were known last: they stay while a picture is refined, or the column would flicker. */
  const shares = new Map<number, string>();
  const list = new Sparklines(
    {
      isolate: (key) => store.isolate(key === null ? null : Number(key)),
      mark(token) {
        view.inText.value = false;
        view.token.value = token;
        store.mark(token);
      },
      press: (key) => store.togglePin(Number(key)),
      leave() {
        if (traits.pinned.value.length > 0) store.apply({ pinned: [] });
        else store.cancel();
      },
      more(key) {
        const id = Number(key);
        store.openCard(id === traits.card.value ? null : id);
      },
    },
    ended,
    { label: "more about factor", title: "statistics of this factor, and the text without it (c)" },
  );

  const shareOf = (set: FactorSet, row: number) => {
    const id = set.ids[row] ?? -1;
    const known = formatExplained(set.explained[row] ?? Number.NaN);
    if (known) shares.set(id, known);
    return known || shares.get(id) || "";
  };
  const seriesOf = (set: FactorSet, id: number, row: number): SparkSeries => {
    const max = set.peak[row] ?? 0;
    return {
      key: String(id),
      color: factorColor(view.palette.value, id),
      dash: hueDash(id),
      name: factorName(id),
      values: set.loadings[row] ?? new Float32Array(0),
      max,
      min: set.signed ? -max : 0,
      share: shareOf(set, row),
      fresh: set.fresh.has(id),
      label: describeRow(set, row, view.tokens.value),
      open: traits.card.value === id,
    };
  };
  const stops = [
    effect(() => {
      const set = store.factors.value;
      const { texts } = traits._bounds.value;
      list.set({
        series: set?.ids.map((id, row) => seriesOf(set, id, row)) ?? [],
        tokens: set?.tokens ?? 0,
        border: generatedFrom(traits._tokens.value, texts),
        breaks: texts.slice(1).map(({ start }) => start),
        caption: "Factors: where each fires. Arrow keys go from one to the next, Enter pins, c shows more.",
      });
    }),
    effect(() => {
      const { focus, pinned, marked } = traits;
      list.update({
        isolated: focus.value === null ? null : String(focus.value),
        pinned: new Set(pinned.value.map(String)),
        marked: view.token.value ?? marked.value,
        faded: view.faded.value,
      });
    }),
  ];
  onAbort(ended, () => {
    for (const stop of stops) stop();
  });
  return list;
}
