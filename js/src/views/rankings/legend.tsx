/** What the colours mean, and how to move about. */
import { TickedRamp } from "../../ui/ticked-ramp";
import { useValue } from "../../ui/use-value";
import type { ViewState } from "./view-state";

const UNITS = { rank: "rank", log_probability: "log p, nats", entropy: "entropy, nats", kl: "KL, nats" };

export function Legend({ view }: { view: ViewState }) {
  const picture = useValue(view.picture);
  const width = useValue(view.width);
  if (!picture) return <div class="ew-legend">{"\u00a0"}</div>;
  return (
    <div class="ew-legend">
      {width !== "narrow" && <span>{UNITS[picture.scale.name]}</span>}
      <TickedRamp
        gradient={picture.scale.table.gradient}
        ticks={picture.scale.ticks.map(({ value, label }) => ({ at: picture.scale.strength(value), label }))}
        ends={picture.scale.ends}
      />
      <Squeeze view={view} />
      {width !== "narrow" && width !== "small" && (
        <span class="ew-facts">
          <span class="ew-hint">click opens a token · ← ↑ ↓ → move · Enter opens</span>
        </span>
      )}
    </div>
  );
}

/** More columns than fit: numbers that scroll, or the whole at once. */
function Squeeze({ view }: { view: ViewState }) {
  const fit = useValue(view.fit);
  const crowded = useValue(view.crowded);
  if (!crowded && !fit) return null;
  return (
    <button
      type="button"
      class="ew-link ew-squeeze"
      aria-pressed={fit}
      title={fit ? "wide columns with their numbers" : "all columns within the width"}
      onClick={() => {
        view.fit.value = !fit;
      }}
    >
      {fit ? "show numbers" : "show all at once"}
    </button>
  );
}
