/** One view of a rankings widget. */
import { ElementHolder } from "../../ui/element-holder";
import type { Heatmap } from "../../ui/heatmap/heatmap";
import { useValue } from "../../ui/use-value";
import { Heading } from "../lens/heading";
import { ProblemBanner } from "../shared/liveness";
import { mountView } from "../shared/mount";
import { bindMap } from "./bind-map";
import { CellTooltip } from "./cell-tooltip";
import { Controls } from "./controls";
import { Legend } from "./legend";
import { Panel } from "./panel";
import type { RankingsStore } from "./store";
import { createViewState, type ViewState } from "./view-state";

interface ViewProps {
  store: RankingsStore;
  view: ViewState;
  map: Heatmap;
}

function RankingsView({ store, view, map }: ViewProps) {
  const sentence = useValue(view.sentence);
  return (
    <>
      <Controls store={store} view={view} />
      <ProblemBanner store={store} />
      <Heading title="When it decided">{sentence}</Heading>
      <Nothing store={store} />
      <ElementHolder element={map.element} className="ew-heatmap-holder" />
      <Legend view={view} />
      <Panel store={store} view={view} map={map} />
      <CellTooltip store={store} view={view} map={map} />
    </>
  );
}

/** Why there is no picture. */
function Nothing({ store }: { store: RankingsStore }) {
  const grid = useValue(store.painted);
  const phase = useValue(store.phase);
  const { explainable } = useValue(store.traits._tokens);
  if (grid) return null;
  const reason =
    explainable.length === 0
      ? "No token of this run has a prediction."
      : phase === "offline"
        ? "The map was not saved in this page."
        : phase === "computing"
          ? "…"
          : "Not computed yet.";
  return <div class="ew-nothing">{reason}</div>;
}

/** Draws a view into an element until the signal aborts. */
export function renderRankings(store: RankingsStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  return mountView(store, el, signal, {
    className: "ew-rankings",
    label() {
      const { name, layers } = store.traits._model.value;
      return `Rankings, ${name}, ${layers} layers`;
    },
    content(frame) {
      const view = createViewState(store, frame);
      return <RankingsView store={store} view={view} map={bindMap(store, view)} />;
    },
  });
}
