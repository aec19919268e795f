/** The layer predictions of the position that is opened, below the map. */
import type { Heatmap } from "../../ui/heatmap/heatmap";
import { useValue } from "../../ui/use-value";
import { TopkStepper } from "../lens/controls";
import { Heading } from "../lens/heading";
import { Predictions } from "../lens/predictions";
import { WatchedChips } from "../lens/watched-chips";
import type { RankingsStore } from "./store";
import type { ViewState } from "./view-state";

interface PanelProps {
  store: RankingsStore;
  view: ViewState;
  map: Heatmap;
}

export function Panel({ store, view, map }: PanelProps) {
  const position = useValue(store.traits.position);
  const tokens = useValue(view.tokens);
  const topk = useValue(store.traits.topk);
  const { most_top } = useValue(store.traits._lens);
  const top = useValue(store.opened.painted);
  const watched = useValue(store.watched);
  useValue(store.connection.state);
  if (position === null) return null;
  // Without a kernel there are only the tokens that were saved.
  const most = store.connection.open ? most_top : Math.max(1, top?.stride ?? topk);
  const close = () => {
    store.choose(null);
    map.focus();
  };
  return (
    <section
      class="ew-panel"
      aria-label={`Layer predictions of ${tokens.name(position)}`}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) close();
      }}
    >
      <div class="ew-panel-head">
        <Heading title="What each layer would have said">
          <b class="ew-strong-text ew-whole">{tokens.name(position)}</b> · position {position}
        </Heading>
        <div class="ew-panel-controls">
          <TopkStepper
            frame={view}
            value={Math.min(topk, most)}
            most={most}
            onChange={(wanted) => store.apply({ topk: wanted })}
          />
          <button
            type="button"
            class="ew-icon-button"
            aria-label="close the layer predictions"
            title="close (Escape)"
            onClick={close}
          >
            ×
          </button>
        </div>
      </div>
      <Predictions store={store} tops={store.opened} frame={view} layers={null} />
      {watched.length > 0 && (
        <div class="ew-lens-legend">
          <WatchedChips store={store} />
        </div>
      )}
    </section>
  );
}
