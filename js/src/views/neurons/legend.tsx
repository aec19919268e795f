/** What the colours mean, and how to move about. */
import { formatValue } from "../../charts/format";
import { ColumnChart } from "../../ui/column-chart";
import { Hint } from "../../ui/hint";
import { TickedRamp } from "../../ui/ticked-ramp";
import { useValue } from "../../ui/use-value";
import { generatedFrom, SHIFT_NOTE } from "../shared/parts";
import { histogramColumns } from "./describe";
import type { NeuronsStore } from "./store";
import type { ViewState } from "./view-state";

export function Legend({ store, view }: { store: NeuronsStore; view: ViewState }) {
  const picture = useValue(view.picture);
  const width = useValue(view.width);
  const tokens = useValue(store.traits._tokens);
  const { shifted } = useValue(store.traits._bounds);
  if (!picture) return null;
  const { histogram } = picture.map;
  const wordy = width !== "narrow" && width !== "small";
  return (
    <div class="ew-legend ew-neurons-legend">
      <span>activation</span>
      <TickedRamp gradient={picture.scale.table.gradient} ticks={picture.scale.ticks} />
      {wordy && histogram.counts.length > 0 && (
        <span class="ew-layer-histogram" title="how often which activation occurs in this layer (logarithmic)">
          <span>of the layer</span>
          <ColumnChart
            columns={histogramColumns(histogram)}
            label="activations of the layer"
            ends={[formatValue(histogram.edges[0] ?? 0), formatValue(histogram.edges.at(-1) ?? 0)]}
            logarithmic
          />
        </span>
      )}
      <Squeeze view={view} />
      <span class="ew-facts">
        {shifted && generatedFrom(tokens) !== null && (
          <Hint text={SHIFT_NOTE}>generated tokens show the state that led to them</Hint>
        )}
        {wordy && <span class="ew-hint">click opens a neuron · ← ↑ ↓ → move</span>}
      </span>
    </div>
  );
}

/** More tokens than fit: columns that scroll, or the whole at once. */
function Squeeze({ view }: { view: ViewState }) {
  const fit = useValue(view.fit);
  const tokens = useValue(view.tokens);
  const crowded = useValue(view.crowded);
  if (fit ? tokens.length < 40 : !crowded) return null;
  return (
    <button
      type="button"
      class="ew-link ew-squeeze"
      aria-pressed={fit}
      onClick={() => {
        view.fit.value = !fit;
      }}
    >
      {fit ? "wide columns" : "all at once"}
    </button>
  );
}
