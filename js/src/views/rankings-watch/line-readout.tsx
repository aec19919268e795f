/** The numbers of the layer that is pointed at, best rank first. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { formatCount, formatPercent } from "../../charts/format";
import { seriesColor } from "../../charts/series";
import { TokenText } from "../../ui/token-chip";
import type { WatchedToken } from "./store";

/** From the layer to the box. */
const GAP = 14;

interface ReadoutProps {
  tokens: readonly WatchedToken[];
  layer: number;
  name: string;
  /** Where the layer is, in the figure's box. */
  left: number;
  /** The box's width. */
  width: number;
}

export function LineReadout({ tokens, layer, name, left, width }: ReadoutProps) {
  const rank = ({ column }: WatchedToken) => column?.ranks[layer] ?? Number.POSITIVE_INFINITY;
  const sorted = [...tokens].sort((a, b) => rank(a) - rank(b));
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!box.current) return;
    const own = box.current.offsetWidth;
    // On the side where there is more room, and never outside.
    const wanted = left < width / 2 ? left + GAP : left - GAP - own;
    box.current.style.left = `${Math.max(0, Math.min(wanted, width - own))}px`;
  });
  return (
    <div ref={box} class="ew-readout" aria-live="polite">
      <div class="ew-readout-head">{name}</div>
      {sorted.map((token) => (
        <div key={token.id} class="ew-readout-row" style={{ "--ew-mark": seriesColor(token.place) }}>
          <span class="ew-swatch" />
          <TokenText text={token.text} className="ew-readout-token" />
          <span class="ew-readout-rank">{token.column ? formatCount(rank(token)) : "…"}</span>
          <span class="ew-pred-percent">
            {token.column ? formatPercent(token.column.probabilities[layer] ?? Number.NaN) : ""}
          </span>
        </div>
      ))}
    </div>
  );
}
