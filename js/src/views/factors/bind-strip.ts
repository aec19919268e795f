/** Ties the text to the store: colours down, gestures up. */
import { effect } from "@preact/signals-core";
import { onAbort } from "../../host/listen";
import { TokenStrip } from "../../ui/strip/strip";
import type { TokenSequence } from "../../ui/strip/tokens";
import { describeToken } from "./describe";
import type { FactorSet } from "./factor-set";
import type { FactorsStore } from "./store";
import { strongest } from "./strength";
import type { ViewState } from "./view-state";

/** The widget's root element, as tests and exports see it. */
export interface FactorsElement extends HTMLElement {
  /** The factors that are drawn; null while there are none. */
  ewFactors?: FactorSet | null;
  /** (T,) identity of the factor that colours each token, -1 for none. */
  ewColoring?: Int32Array;
}

export function bindStrip(store: FactorsStore, view: ViewState): TokenStrip {
  const { traits } = store;
  const { ended, token, inText } = view;
  const root: FactorsElement = view.root;

  const look = (index: number | null) => {
    inText.value = index !== null;
    token.value = index;
    store.mark(index);
  };
  /** Pins the factor that colours a token. */
  const pin = (index: number) => {
    const set = store.factors.value;
    const row = set ? strongest(set, view.rows.value, index) : -1;
    const id = set?.ids[row];
    if (id !== undefined) store.togglePin(id);
  };
  const strip = new TokenStrip(
    {
      canChoose: () => true,
      hover: look,
      press(index, pointer) {
        // A finger can't hover: the first tap is the hover, the second pins.
        if (pointer === "touch" && index !== token.value) look(index);
        else pin(index);
      },
      choose: look,
      inspect: look,
      pin,
      free() {
        if (token.value !== null) look(null);
        else if (traits.pinned.value.length > 0) store.apply({ pinned: [] });
        else store.cancel();
      },
    },
    ended,
    "Tokens, coloured by the factors that fire there",
  );
  let written: TokenSequence | null = null;
  const stops = [
    effect(() => {
      const { tokens, levels, palette, faded } = view;
      if (tokens.value !== written) strip.setTokens(tokens.value, "flowing");
      written = tokens.value;
      strip.update({
        position: null,
        pinned: false,
        shares: null,
        domain: 0,
        levels: levels.value,
        table: palette.value.table,
        faded: faded.value,
      });
    }),
    effect(() => {
      const set = store.factors.value;
      root.ewFactors = set;
      root.dataset.painted = set?.spec ?? "";
      root.dataset.done = String(set?.done ?? false);
      root.dataset.focus = String(traits.focus.value ?? "");
      root.dataset.card = String(traits.card.value ?? "");
      const rows = view.rows.value;
      root.ewColoring = Int32Array.from({ length: view.tokens.value.length }, (_, i) =>
        set ? (set.ids[strongest(set, rows, i)] ?? -1) : -1,
      );
    }),
    effect(() => strip.markInspected(token.value)),
    effect(() => strip.markElsewhere(traits.marked.value === token.value ? null : traits.marked.value)),
    // Written where it is read: at the token in focus.
    effect(() => {
      const set = store.factors.value;
      const at = token.value;
      if (set && at !== null) strip.describe(at, describeToken(view.tokens.value, set, at));
    }),
  ];
  onAbort(ended, () => {
    for (const stop of stops) stop();
    if (token.peek() !== null) store.mark(null);
  });
  return strip;
}
