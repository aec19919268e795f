/** Ties the token strip to the store: colours down, gestures up. */
import { effect } from "@preact/signals-core";
import { onAbort } from "../../host/listen";
import { type StripEvents, TokenStrip } from "../../ui/strip/strip";
import { tokenLabel } from "./describe";
import type { AttributionStore } from "./store";
import type { ViewState } from "./view-state";

/** The widget's root element, as tests and exports see it. */
export interface AttributionElement extends HTMLElement {
  /** (T,) shares of the row that is painted; null while there is none. */
  ewShares?: Float32Array | null;
}

function gestures(store: AttributionStore, view: ViewState): StripEvents {
  const { position, pinned } = store.traits;
  const inspect = (index: number | null) => {
    view.inspected.value = index;
  };
  const pin = (index: number) => {
    inspect(null);
    if (pinned.value && index === position.value) store.apply({ pinned: false });
    else if (!store.canShow(index)) inspect(index);
    else if (index === position.value) store.apply({ pinned: true });
    else store.apply({ position: index, pinned: true });
  };
  return {
    canChoose: (index) => store.canShow(index),
    hover(index) {
      if (index === null) inspect(null);
      else if (!pinned.value && store.canShow(index)) {
        inspect(null);
        store.choose(index);
      } else inspect(index === position.value ? null : index);
    },
    press(index, pointer) {
      if (pointer !== "touch" || index === position.value) pin(index);
      // A finger can't hover: the first tap is the hover, the second pins.
      else if (pinned.value || !store.canShow(index)) inspect(index);
      else store.choose(index);
    },
    choose(index) {
      inspect(null);
      store.choose(index);
    },
    inspect,
    pin,
    free() {
      inspect(null);
      if (!store.cancel() && pinned.value) store.apply({ pinned: false });
    },
  };
}

export function bindStrip(
  store: AttributionStore,
  view: ViewState,
  root: AttributionElement,
  ended: AbortSignal,
): TokenStrip {
  const strip = new TokenStrip(gestures(store, view), ended);
  const { traits } = store;

  // The text is written when tokens or style change, in the same effect as the colours: those need it to be there.
  let written: { tokens: unknown; style: string } = { tokens: null, style: "" };
  let revealed: number | null = null;
  const stopPainting = effect(() => {
    const tokens = view.tokens.value;
    const style = traits.view_style.value;
    if (tokens !== written.tokens || style !== written.style) {
      strip.setTokens(tokens, style === "detailed" ? "detailed" : "plain");
      written = { tokens, style };
    }
    const painted = store.painted.value;
    const position = traits.position.value;
    strip.update({
      position,
      pinned: traits.pinned.value,
      shares: painted?.row.values ?? null,
      domain: store.domain.value,
      table: view.table.value,
      faded: view.faded.value,
    });
    root.ewShares = painted?.row.values ?? null;
    root.dataset.painted = painted ? `${painted.spec}@${painted.position}` : "";
    root.dataset.position = position === null ? "" : String(position);
    if (painted && painted.position === position) strip.describe(position, tokenLabel(tokens, position, painted.row));
    // A position set from Python or by a key comes into sight; one under the pointer is in sight already.
    if (position !== null && position !== revealed) {
      revealed = position;
      if (!strip.element.matches(":hover")) strip.reveal(position);
    }
  });
  const stopMarking = effect(() => {
    const index = view.inspected.value;
    strip.markInspected(index);
    if (index !== null) strip.describe(index, tokenLabel(view.tokens.value, index, store.painted.value?.row ?? null));
  });
  const stopPointing = effect(() => {
    const marked = traits.marked.value;
    strip.markElsewhere(marked === traits.position.value ? null : marked);
  });
  onAbort(ended, () => {
    stopPointing();
    stopPainting();
    stopMarking();
  });
  return strip;
}
