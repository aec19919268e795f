/** The neuron and the token of the cell that is pointed at. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { categorical } from "../../charts/categorical";
import { formatValue } from "../../charts/format";
import { float } from "../../ui/float";
import type { Heatmap } from "../../ui/heatmap/heatmap";
import { useValue } from "../../ui/use-value";
import type { NeuronsStore } from "./store";
import { clusterColor, type ViewState } from "./view-state";

interface TooltipProps {
  store: NeuronsStore;
  view: ViewState;
  map: Heatmap;
}

export function CellTooltip({ store, view, map }: TooltipProps) {
  const cell = useValue(view.cell);
  const picture = useValue(view.picture);
  const tokens = useValue(view.tokens);
  const theme = useValue(view.theme);
  const { shifted } = useValue(store.traits._bounds);
  const clusters = useValue(store.traits.n_clusters);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const anchor = cell && map.boxOf(cell);
    if (!box.current || !anchor) return;
    // Above: the other tokens of the neuron stay in sight.
    float(box.current, anchor, "above", "center");
  });
  if (!cell || !picture || cell.column >= tokens.length) return null;
  const { neurons, cluster, values } = picture.map;
  const index = neurons[cell.row];
  const own = cluster[cell.row] ?? 0;
  const value = values[cell.row * picture.map.tokens + cell.column] ?? Number.NaN;
  const moved = shifted && tokens.isGenerated(cell.column) && cell.column > 0;
  return (
    <div ref={box} class="ew-float ew-tooltip ew-neuron-tooltip" role="tooltip" popover="manual">
      {index !== undefined && (
        <div class="ew-tooltip-head">
          <b>neuron {index}</b>
          {clusters > 1 && (
            <span class="ew-tooltip-note" style={{ "--ew-mark": clusterColor(categorical(theme).colors, own) }}>
              <span class="ew-swatch" /> cluster {own + 1}
            </span>
          )}
        </div>
      )}
      <div class="ew-tooltip-head">
        <span class="ew-tooltip-token">{tokens.name(cell.column)}</span>
        {index !== undefined && <b class="ew-activation">{formatValue(value)}</b>}
      </div>
      <div class="ew-tooltip-note">
        token {cell.column} · {tokens.partOf(cell.column)}
        {moved && `, neurons of the state that led to it`}
      </div>
    </div>
  );
}
