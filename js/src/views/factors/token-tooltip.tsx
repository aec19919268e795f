/** The loadings at the token that is pointed at. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { float } from "../../ui/float";
import type { TokenStrip } from "../../ui/strip/strip";
import { useValue } from "../../ui/use-value";
import { formatStrength } from "./describe";
import { type FactorSet, factorName } from "./factor-set";
import type { FactorsStore } from "./store";
import { ranked, strength } from "./strength";
import { factorColor, type ViewState } from "./view-state";

/** Factors that are listed. */
const LISTED = 6;

interface TooltipProps {
  store: FactorsStore;
  view: ViewState;
  strip: TokenStrip;
}

export function TokenTooltip({ store, view, strip }: TooltipProps) {
  const token = useValue(view.token);
  const inText = useValue(view.inText);
  const set = useValue(store.factors);
  const tokens = useValue(view.tokens);
  const { shifted } = useValue(store.traits._bounds);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const anchor = token === null ? null : strip.token(token)?.getBoundingClientRect();
    if (box.current && anchor) float(box.current, anchor, "above", "center");
  });
  if (token === null || !inText || !set || token >= tokens.length) return null;
  const moved = shifted && tokens.isGenerated(token) && token > 0;
  return (
    <div ref={box} class="ew-float ew-tooltip ew-factor-tooltip" role="tooltip" popover="manual">
      <div class="ew-tooltip-head">
        <b class="ew-tooltip-token">{tokens.name(token)}</b>
        <span class="ew-tooltip-note">
          token {token} · {tokens.partOf(token)}
        </span>
      </div>
      <Loadings set={set} view={view} token={token} />
      {moved && <div class="ew-tooltip-note">neurons of the state that led to it, at {tokens.name(token - 1)}</div>}
    </div>
  );
}

function Loadings({ set, view, token }: { set: FactorSet; view: ViewState; token: number }) {
  const palette = useValue(view.palette);
  const rows = ranked(set, token);
  if (rows.length === 0) {
    const recorded = !Number.isNaN(set.loadings[0]?.[token] ?? Number.NaN);
    return <div class="ew-tooltip-note">{recorded ? "no factor fires here" : "no neurons are recorded here"}</div>;
  }
  return (
    <div class="ew-loadings">
      {rows.slice(0, LISTED).map((row) => {
        const id = set.ids[row] ?? 0;
        return (
          <div key={id} class="ew-loading" data-id={id} style={{ "--ew-mark": factorColor(palette, id) }}>
            <span class="ew-swatch" />
            <span class="ew-loading-name">{factorName(id)}</span>
            <span class="ew-loading-track" aria-hidden="true">
              <span class="ew-loading-bar" style={{ width: `${100 * strength(set, row, token)}%` }} />
            </span>
            <span class="ew-loading-share">{formatStrength(set, row, token)}</span>
          </div>
        );
      })}
      <div class="ew-tooltip-note">
        strongest first; bars are shares of each factor's peak
        {rows.length > LISTED ? `, ${rows.length - LISTED} weaker ones left out` : ""}
      </div>
    </div>
  );
}
