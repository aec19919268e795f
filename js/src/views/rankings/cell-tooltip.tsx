/** What the layer made of the token that is pointed at, and what it would have said instead. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { formatPercent } from "../../charts/format";
import { float } from "../../ui/float";
import { floatBeside } from "../../ui/float-beside";
import type { Heatmap } from "../../ui/heatmap/heatmap";
import { TokenText } from "../../ui/token-chip";
import { useValue } from "../../ui/use-value";
import { cellFacts, predictionFacts, tokenFacts } from "./describe";
import { type Candidate, candidates } from "./grid";
import type { RankingsStore } from "./store";
import type { ViewState } from "./view-state";

interface TooltipProps {
  store: RankingsStore;
  view: ViewState;
  map: Heatmap;
}

export function CellTooltip({ store, view, map }: TooltipProps) {
  const cell = useValue(view.pointed);
  const picture = useValue(view.picture);
  const tokens = useValue(view.tokens);
  const names = useValue(store.traits._lens).layer_names;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const anchor = cell && map.boxOf(cell);
    if (!box.current || !anchor) return;
    // Beside the cell: the other layers of the token stay in sight.
    if (cell.row < 0) float(box.current, anchor, "above", "center");
    else floatBeside(box.current, anchor);
  });
  const position = cell && picture?.grid.positions[cell.column];
  if (!cell || !picture || position === undefined || position === null) return null;
  const layer = picture.layers[cell.row];
  const kind = tokens.isGenerated(position) ? "generated" : "prompt";
  const place = `token ${position} · ${kind} · id ${tokens.ids[position] ?? "?"}`;
  if (layer === undefined) {
    return (
      <div ref={box} class="ew-float ew-tooltip" role="tooltip" popover="manual">
        <div class="ew-tooltip-token">{tokens.name(position)}</div>
        <div class="ew-tooltip-note">{place}</div>
      </div>
    );
  }
  const facts = cellFacts(picture.grid, layer, cell.column);
  return (
    <div ref={box} class="ew-float ew-tooltip ew-cell-tooltip" role="tooltip" popover="manual">
      <div class="ew-tooltip-head">
        <b class="ew-tooltip-token">{tokens.name(position)}</b>
        <span class="ew-tooltip-note">{names[layer] ?? `layer ${layer}`}</span>
      </div>
      <div class="ew-cell-facts">{tokenFacts(facts).join(" · ")}</div>
      <div class="ew-candidates">
        {candidates(picture.grid, layer, cell.column).map((candidate) => (
          <CandidateBar key={candidate.id} candidate={candidate} own={candidate.id === tokens.ids[position]} />
        ))}
      </div>
      <div class="ew-tooltip-note">{predictionFacts(facts).join(" · ")}</div>
    </div>
  );
}

function CandidateBar({ candidate: { text, probability }, own }: { candidate: Candidate; own: boolean }) {
  return (
    <>
      <TokenText text={text} className={`ew-candidate-text ${own ? "ew-own" : ""}`} />
      <span class="ew-candidate-track" aria-hidden="true">
        <span class="ew-candidate-bar" style={{ width: `${Math.max(1, 100 * probability)}%` }} />
      </span>
      <span class="ew-candidate-share">{formatPercent(probability)}</span>
    </>
  );
}
