/** One view of an attribution widget. */
import { computed } from "@preact/signals-core";
import { useMemo } from "preact/hooks";
import { ElementHolder } from "../../ui/element-holder";
import type { TokenStrip } from "../../ui/strip/strip";
import { Announcement, ProblemBanner } from "../shared/liveness";
import { mountView } from "../shared/mount";
import { type AttributionElement, bindStrip } from "./bind-strip";
import { Controls } from "./controls";
import { summary } from "./describe";
import { FoilProblem } from "./foil-field";
import { Legend } from "./legend";
import type { AttributionStore } from "./store";
import { TokenTooltip } from "./token-tooltip";
import { createViewState, type ViewState } from "./view-state";

interface ViewProps {
  store: AttributionStore;
  view: ViewState;
  strip: TokenStrip;
}

function AttributionView({ store, view, strip }: ViewProps) {
  const said = useMemo(
    () => computed(() => (store.row.value ? summary(view.tokens.value, store.row.value) : "")),
    [store, view],
  );
  return (
    <>
      <Controls store={store} view={view} />
      <FoilProblem store={store} />
      <ProblemBanner store={store} />
      <ElementHolder element={strip.element} />
      <Legend store={store} view={view} />
      <TokenTooltip store={store} view={view} strip={strip} />
      <Announcement text={said} />
    </>
  );
}

/** Draws a view into an element until the signal aborts. */
export function renderAttribution(store: AttributionStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  return mountView(store, el, signal, {
    className: "ew-attribution",
    label() {
      const { name, layers } = store.traits._model.value;
      return `Attribution, ${name}, ${layers} layers`;
    },
    content(frame) {
      const view = createViewState(store, frame);
      const strip = bindStrip(store, view, frame.root as AttributionElement, frame.ended);
      return <AttributionView store={store} view={view} strip={strip} />;
    },
  });
}
