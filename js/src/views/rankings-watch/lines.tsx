/** The lines themselves, with their points and the names at their right ends. */
import { seriesColor, seriesDash } from "../../charts/series";
import { visibleSegments } from "../../ui/token-text";
import { layerX, linePath, rankY, spreadLabels } from "./line-geometry";
import type { WatchedToken } from "./store";

interface LinesProps {
  tokens: readonly WatchedToken[];
  /** Layers. */
  count: number;
  worst: number;
  plot: { readonly width: number; readonly height: number };
  /** Room for the names. */
  labels: number;
  layer: number | null;
}

/** Lines of text need this much. */
const LINE = 15;
/** From the plot to the names, and the width of a letter of theirs. */
export const NAME_LEFT = 22;
export const LETTER = 8;
const MARKS: Readonly<Record<string, string>> = { newline: "↵", tab: "→", space: "·" };

/** A token's text where only plain text can be written. */
export function plainToken(text: string): string {
  return visibleSegments(text)
    .map(({ kind, text: piece }) => MARKS[kind] ?? piece)
    .join("");
}

export function Lines({ tokens, count, worst, plot, labels, layer }: LinesProps) {
  const known = tokens.filter(({ column }) => column !== null);
  const heights = known.map(({ column }) =>
    Array.from({ length: count }, (_, l) => rankY(column?.ranks[l] ?? Number.NaN, worst, plot.height)),
  );
  const ends = heights.map((line) => line.at(-1) ?? 0);
  const names = spreadLabels(ends, LINE, 2, plot.height - 2);
  const x = (l: number) => layerX(l, count, plot.width);
  const letters = Math.max(3, Math.floor((labels - NAME_LEFT) / LETTER));
  return (
    <>
      {known.map((token, i) => {
        const line = heights[i] ?? [];
        const name = plainToken(token.text);
        const end = ends[i] ?? 0;
        const at = names[i] ?? end;
        return (
          <g key={token.id} class="ew-line" data-id={token.id} style={{ "--ew-mark": seriesColor(token.place) }}>
            <path d={linePath(line.map((y, l) => [x(l), y]))} stroke-dasharray={seriesDash(token.place)} />
            {line.map((y, l) =>
              count <= 32 || l === layer ? <circle key={l} cx={x(l)} cy={y} r={l === layer ? 4.5 : 2.6} /> : null,
            )}
            <path class="ew-leader" d={`M${plot.width + 5} ${end}L${plot.width + 15} ${at}`} />
            <text class="ew-line-name" x={plot.width + 19} y={at} dy="0.34em">
              {name.length > letters ? `${name.slice(0, letters - 1)}…` : name}
            </text>
          </g>
        );
      })}
    </>
  );
}
