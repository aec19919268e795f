/** One view of a LayerPredictions widget: a position, and below it what each layer would have said there. */
import { computed } from "@preact/signals-core";
import { useMemo } from "preact/hooks";
import { ElementHolder } from "../../ui/element-holder";
import { useValue } from "../../ui/use-value";
import { LensBar, NormToggle, OrderToggle, SiteMenu, TopkStepper } from "../lens/controls";
import { shownLayers } from "../lens/layers";
import { createPositionStrip, type PositionStrip } from "../lens/position-strip";
import { Predictions } from "../lens/predictions";
import { WatchedChips } from "../lens/watched-chips";
import { Announcement, ProblemBanner } from "../shared/liveness";
import { type Frame, mountView } from "../shared/mount";
import { summary } from "./describe";
import { PositionFacts, Title } from "./heading";
import type { LayerPredictionsStore } from "./store";

interface ViewProps {
  store: LayerPredictionsStore;
  frame: Frame;
  positions: PositionStrip;
}

function LayerPredictionsView({ store, frame, positions }: ViewProps) {
  const said = useMemo(
    () =>
      computed(() => {
        const top = store.tops.current.value;
        return top ? summary(positions.tokens.value, top, store.lens._lens.value.layer_names) : "";
      }),
    [store, positions],
  );
  return (
    <>
      <Controls store={store} frame={frame} />
      <ProblemBanner store={store} />
      <ElementHolder element={positions.strip.element} />
      <Title store={store} positions={positions} />
      <Predictions store={store} tops={store.tops} frame={frame} layers={store.traits.layers} />
      <div class="ew-lens-legend">
        <WatchedChips store={store} />
        <PositionFacts store={store} frame={frame} positions={positions} />
      </div>
      <Announcement text={said} />
    </>
  );
}

function Controls({ store, frame }: { store: LayerPredictionsStore; frame: Frame }) {
  const topk = useValue(store.traits.topk);
  const layers = useValue(store.traits.layers);
  const { most_top, n_layers } = useValue(store.traits._lens);
  useValue(store.connection.state);
  const several = shownLayers(n_layers, layers, "top").length > 1;
  return (
    <LensBar store={store} frame={frame} label="How the layers are read">
      <TopkStepper
        frame={frame}
        value={topk}
        // Without a kernel there are only the tokens that were saved.
        most={store.connection.open ? most_top : Math.max(1, store.tops.painted.value?.stride ?? topk)}
        onChange={(wanted) => store.apply({ topk: wanted })}
      />
      <NormToggle store={store} />
      <SiteMenu store={store} />
      {several && <OrderToggle store={store} />}
    </LensBar>
  );
}

/** Draws a view into an element until the signal aborts. */
export function renderLayerPredictions(
  store: LayerPredictionsStore,
  el: HTMLElement,
  signal?: AbortSignal,
): AbortController {
  return mountView(store, el, signal, {
    className: "ew-layer-predictions",
    label() {
      const { name, layers } = store.traits._model.value;
      return `Layer predictions, ${name}, ${layers} layers`;
    },
    content(frame) {
      return <LayerPredictionsView store={store} frame={frame} positions={createPositionStrip(store, frame)} />;
    },
    facts() {
      const top = store.tops.painted.value;
      const { position } = store.traits;
      return {
        painted: top ? paintedName(top.spec) : "",
        position: position.value === null ? "" : String(position.value),
      };
    },
  });
}

/** `topk|final_norm|site@position` of `run|position|topk|final_norm|site`. */
function paintedName(spec: string): string {
  const [position = "", ...rest] = spec.split("|").slice(-4);
  return `${rest.join("|")}@${position}`;
}
