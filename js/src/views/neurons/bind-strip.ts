/** Ties the text to the store: the tokens of the neuron that is looked at. */
import { effect } from "@preact/signals-core";
import { formatValue } from "../../charts/format";
import { maxAbs } from "../../charts/scales";
import { levelTable } from "../../charts/sequential";
import { onAbort } from "../../host/listen";
import { TokenStrip } from "../../ui/strip/strip";
import type { TokenSequence } from "../../ui/strip/tokens";
import type { NeuronsStore } from "./store";
import type { ViewState } from "./view-state";

export function bindStrip(store: NeuronsStore, view: ViewState): TokenStrip {
  const { traits } = store;
  const { ended, token } = view;
  const look = (index: number | null) => {
    token.value = index;
    store.mark(index);
  };
  const strip = new TokenStrip(
    {
      canChoose: () => true,
      hover: look,
      press: look,
      choose: look,
      inspect: look,
      pin: look,
      free() {
        if (token.value !== null) look(null);
        else if (traits.selected.value !== null) store.select(null);
      },
    },
    ended,
    "Tokens, coloured by the neuron that is looked at",
  );
  strip.element.classList.add("ew-position-strip");
  let written: TokenSequence | null = null;
  const stops = [
    effect(() => {
      const { tokens, shown, theme, faded, picture } = view;
      if (tokens.value !== written) strip.setTokens(tokens.value, "flowing");
      written = tokens.value;
      const values = shown.value?.values ?? null;
      strip.update({
        position: null,
        pinned: false,
        shares: values,
        domain: values ? maxAbs(values) : 0,
        table: levelTable(picture.value?.scale.signed ? "signed" : "moss", theme.value),
        faded: faded.value,
      });
      view.root.dataset.shown = String(shown.value?.index ?? "");
    }),
    effect(() => {
      // The column that is pointed at in the map, too.
      const column = view.cell.value?.column ?? null;
      strip.markInspected(token.value ?? column);
      const marked = traits.marked.value;
      strip.markElsewhere(marked === token.value || marked === column ? null : marked);
    }),
    effect(() => {
      const shown = view.shown.value;
      const at = token.value;
      if (at === null) return;
      const value = shown ? `: neuron ${shown.index} at ${formatValue(shown.values[at] ?? Number.NaN)}` : "";
      strip.describe(at, `${view.tokens.value.name(at)}, token ${at}${value}`);
    }),
  ];
  onAbort(ended, () => {
    for (const stop of stops) stop();
    if (token.peek() !== null) store.mark(null);
  });
  return strip;
}
