/** The watched tokens in their colours, each with a way to stop watching it. */
import { quoteToken } from "../../charts/format";
import { seriesColor } from "../../charts/series";
import { TokenText } from "../../ui/token-chip";
import { useValue } from "../../ui/use-value";
import type { LensHandle } from "./handle";

export function WatchedChips({ store, label = "watched" }: { store: LensHandle; label?: string }) {
  const watched = useValue(store.watched);
  if (watched.length === 0) return null;
  return (
    <ul class="ew-watched-chips" aria-label="watched tokens">
      {label && (
        <li class="ew-label" aria-hidden="true">
          {label}
        </li>
      )}
      {watched.map((token, i) => (
        <li key={token.id} class="ew-watched-chip" data-id={token.id} style={{ "--ew-mark": seriesColor(i) }}>
          <span class="ew-swatch" />
          <TokenText text={token.text} />
          <button
            type="button"
            class="ew-chip-remove"
            aria-label={`stop watching ${quoteToken(token.text)}`}
            title="stop watching it"
            onClick={() => store.watchToken(token, false)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
