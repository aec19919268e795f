/** What the colours mean, and what is pointed at. */
import { formatCompact } from "../../charts/compact";
import { rankStrength, rankTicks, worstRank } from "../../charts/intervals";
import { sequentialTable } from "../../charts/sequential";
import { TickedRamp } from "../../ui/ticked-ramp";
import { useValue } from "../../ui/use-value";
import { PositionHint } from "../lens/position-hint";
import type { PositionStrip } from "../lens/position-strip";
import type { Frame } from "../shared/mount";
import type { RankingsWatchStore } from "./store";

interface LegendProps {
  store: RankingsWatchStore;
  frame: Frame;
  positions: PositionStrip;
}

export function Legend({ store, frame, positions }: LegendProps) {
  const style = useValue(store.traits.view_style);
  const theme = useValue(frame.theme);
  const { vocabulary } = useValue(store.traits._model);
  const watch = useValue(store.traits.watch);
  const worst = worstRank(vocabulary);
  const ticks = rankTicks(worst).map((rank) => ({ at: rankStrength(rank, worst), label: formatCompact(rank) }));
  return (
    <div class="ew-lens-legend">
      {style === "columns" && watch.length > 0 && (
        <TickedRamp gradient={sequentialTable("violet", theme).gradient} ticks={ticks} ends={["rank", "best"]} />
      )}
      <span class="ew-facts">
        <PositionHint store={store} frame={frame} positions={positions} />
      </span>
    </div>
  );
}
