/** Rank over layers, a line for each watched token: 1 is at the top, equal ratios are equal steps. */
import { useMemo, useRef, useState } from "preact/hooks";
import { formatCompact } from "../../charts/compact";
import { rankTicks, worstRank } from "../../charts/intervals";
import { useWidth } from "../../ui/use-width";
import { shortLayerName } from "../lens/layers";
import { layerAt, layerX, rankY, tickStep } from "./line-geometry";
import { LineReadout } from "./line-readout";
import { LETTER, Lines, NAME_LEFT } from "./lines";
import type { WatchedToken } from "./store";

interface FigureProps {
  tokens: readonly WatchedToken[];
  names: readonly string[];
  vocabulary: number;
  faded: boolean;
}

const MARGIN = { top: 12, bottom: 34, left: 46 };
const PLOT_HEIGHT = 220;

/** Room for the labels at the right end: as long as the longest, within limits. */
function labelRoom(tokens: readonly WatchedToken[], width: number): number {
  const longest = Math.max(4, ...tokens.map(({ text }) => [...text].length));
  return Math.min(NAME_LEFT + longest * LETTER, 170, width * 0.32);
}

export function LinesFigure({ tokens, names, vocabulary, faded }: FigureProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 640);
  /** The layer that is pointed at. */
  const [layer, setLayer] = useState<number | null>(null);
  const count = names.length;
  const worst = useMemo(() => worstRank(vocabulary), [vocabulary]);
  const right = labelRoom(tokens, width);
  const plot = { width: Math.max(60, width - MARGIN.left - right), height: PLOT_HEIGHT };
  const point = (event: PointerEvent) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    setLayer(layerAt(event.clientX - left - MARGIN.left, count, plot.width));
  };
  const move = (event: KeyboardEvent) => {
    const at = layer ?? -1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count - 1 }[event.key];
    if (event.key === "Escape" && layer !== null) setLayer(null);
    else if (to !== undefined) setLayer(Math.max(0, Math.min(count - 1, to)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const x = (l: number) => layerX(l, count, plot.width);
  const step = tickStep(count, plot.width, 26);
  return (
    <div
      ref={box}
      class="ew-lines"
      data-faded={faded}
      data-layer={layer ?? ""}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read the figure layer by layer.
      tabIndex={0}
      role="application"
      aria-label="Rank of each watched token over the layers: arrow keys read it layer by layer"
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => setLayer(null)}
      onKeyDown={move}
      onBlur={() => setLayer(null)}
    >
      <svg width={width} height={MARGIN.top + PLOT_HEIGHT + MARGIN.bottom} aria-hidden="true">
        <title>ranks over layers</title>
        <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
          {rankTicks(worst).map((rank) => {
            const y = rankY(rank, worst, plot.height);
            return (
              <g key={rank}>
                <line class="ew-grid-line" x1={0} x2={plot.width} y1={y} y2={y} />
                <text class="ew-tick-text" x={-9} y={y} dy="0.35em" text-anchor="end">
                  {formatCompact(rank)}
                </text>
              </g>
            );
          })}
          {names.map((name, l) =>
            l % step === 0 || l === layer ? (
              <text
                key={name}
                class={`ew-tick-text ${l === layer ? "ew-strong-tick" : ""}`}
                x={x(l)}
                y={plot.height + 17}
                text-anchor="middle"
              >
                {shortLayerName(name)}
              </text>
            ) : null,
          )}
          <text class="ew-axis-name" x={-MARGIN.left + 2} y={plot.height + 17}>
            layer
          </text>
          {layer !== null && <line class="ew-guide" x1={x(layer)} x2={x(layer)} y1={-4} y2={plot.height + 4} />}
          <Lines tokens={tokens} count={count} worst={worst} plot={plot} labels={right} layer={layer} />
        </g>
      </svg>
      {layer !== null && (
        <LineReadout
          tokens={tokens}
          layer={layer}
          name={names[layer] ?? `layer ${layer}`}
          left={MARGIN.left + x(layer)}
          width={width}
        />
      )}
    </div>
  );
}
