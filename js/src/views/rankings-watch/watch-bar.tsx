/** The watched tokens, the field for more of them, and the one that stands there as an offer. */

import { TokenText } from "../../ui/token-chip";
import { useValue } from "../../ui/use-value";
import type { PositionStrip } from "../lens/position-strip";
import { WatchedChips } from "../lens/watched-chips";
import type { RankingsWatchStore } from "./store";
import { TokenField } from "./token-field";

interface BarProps {
  store: RankingsWatchStore;
  positions: PositionStrip;
}

export function WatchBar({ store, positions }: BarProps) {
  return (
    <div class="ew-watch-bar">
      <WatchedChips store={store} label="watch" />
      <TokenField store={store} />
      <OfferActual store={store} positions={positions} />
    </div>
  );
}

/** The token that stands at the chosen position, if it is not watched. */
function OfferActual({ store, positions }: BarProps) {
  const position = useValue(store.traits.position);
  const watch = useValue(store.traits.watch);
  const tokens = useValue(positions.tokens);
  useValue(store.connection.state);
  const id = position === null ? undefined : tokens.ids[position];
  if (position === null || id === undefined || watch.includes(id) || !store.connection.open) return null;
  const text = tokens.text(position);
  if (text === "") return null;
  return (
    <button
      type="button"
      class="ew-link ew-offer"
      title="the token that stands there"
      aria-label={`watch ${tokens.name(position)}, the token that stands there`}
      onClick={() => store.watchToken({ id, text }, true)}
    >
      + <TokenText text={text} />
    </button>
  );
}
