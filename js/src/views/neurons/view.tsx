/** One view of a neurons widget. */
import { formatValue } from "../../charts/format";
import { maxAbs } from "../../charts/scales";
import { ElementHolder } from "../../ui/element-holder";
import type { Heatmap } from "../../ui/heatmap/heatmap";
import type { TokenStrip } from "../../ui/strip/strip";
import { useValue } from "../../ui/use-value";
import { Heading } from "../lens/heading";
import { ProblemBanner } from "../shared/liveness";
import { mountView } from "../shared/mount";
import { bindMap } from "./bind-map";
import { bindStrip } from "./bind-strip";
import { CellTooltip } from "./cell-tooltip";
import { Controls } from "./controls";
import { describeMap } from "./describe";
import { Legend } from "./legend";
import { NeuronPanel } from "./neuron-panel";
import type { NeuronsStore } from "./store";
import { createViewState, type ViewState } from "./view-state";

interface ViewProps {
  store: NeuronsStore;
  view: ViewState;
  map: Heatmap;
  strip: TokenStrip;
}

function NeuronsView({ store, view, map, strip }: ViewProps) {
  return (
    <>
      <Controls store={store} view={view} />
      <ProblemBanner store={store} />
      <Heading title="Neurons">
        <What store={store} view={view} />
      </Heading>
      <Shown view={view} />
      <ElementHolder element={strip.element} />
      <Nothing store={store} />
      <ElementHolder element={map.element} className="ew-heatmap-holder" />
      <Legend store={store} view={view} />
      <NeuronPanel store={store} view={view} map={map} />
      <CellTooltip store={store} view={view} map={map} />
    </>
  );
}

function What({ store, view }: { store: NeuronsStore; view: ViewState }) {
  const picture = useValue(view.picture);
  const { stack } = useValue(store.traits._bounds);
  const clusters = useValue(store.traits.n_clusters);
  if (!picture) return null;
  return <span>{describeMap(picture.map, clusters, stack)}</span>;
}

/** Whose tokens are coloured. */
function Shown({ view }: { view: ViewState }) {
  const shown = useValue(view.shown);
  return (
    <div class="ew-shown">
      {shown ? (
        <>
          <b class="ew-strong-text">neuron {shown.index}</b> at each token, fuller where it is closer to its strongest,{" "}
          {formatValue(maxAbs(shown.values))}
        </>
      ) : (
        "point at a row to colour the tokens at which that neuron fires"
      )}
    </div>
  );
}

/** Why there is no picture. */
function Nothing({ store }: { store: NeuronsStore }) {
  const map = useValue(store.painted);
  const phase = useValue(store.phase);
  if (map) return null;
  const reason =
    phase === "offline" ? "The map was not saved in this page." : phase === "computing" ? "…" : "Not computed yet.";
  return <div class="ew-nothing">{reason}</div>;
}

/** Draws a view into an element until the signal aborts. */
export function renderNeurons(store: NeuronsStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  return mountView(store, el, signal, {
    className: "ew-neurons",
    label: () => `Neurons, ${store.traits._model.value.name}, layer ${store.traits.layer.value}`,
    content(frame) {
      const view = createViewState(store, frame);
      return <NeuronsView store={store} view={view} map={bindMap(store, view)} strip={bindStrip(store, view)} />;
    },
  });
}
