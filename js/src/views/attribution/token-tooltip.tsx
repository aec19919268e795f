/** The share of the token that is looked at while another one is explained. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { formatShare } from "../../charts/format";
import { float } from "../../ui/float";
import type { TokenStrip } from "../../ui/strip/strip";
import type { TokenSequence } from "../../ui/strip/tokens";
import { useValue } from "../../ui/use-value";
import type { Row } from "./rows";
import type { AttributionStore } from "./store";
import type { ViewState } from "./view-state";

interface TooltipProps {
  store: AttributionStore;
  view: ViewState;
  strip: TokenStrip;
}

export function TokenTooltip({ store, view, strip }: TooltipProps) {
  const index = useValue(view.inspected);
  const painted = useValue(store.painted);
  const tokens = useValue(view.tokens);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const anchor = index === null ? null : strip.token(index);
    // A token that wraps has several boxes: the tooltip goes to the first.
    const rectangle = anchor?.getClientRects()[0];
    if (box.current && rectangle) float(box.current, rectangle, "above", "start");
  });
  if (index === null) return null;
  const reason = whyNotShown(index, tokens, store);
  return (
    <div ref={box} key={index} class="ew-float ew-tooltip" role="tooltip" popover="manual">
      <div class="ew-tooltip-head">
        <span class="ew-tooltip-token">{tokens.name(index)}</span>
        {painted && <Share row={painted.row} index={index} />}
      </div>
      <div class="ew-tooltip-note">{reason || note(index, tokens, painted?.row ?? null, store.signed.value)}</div>
    </div>
  );
}

function Share({ row, index }: { row: Row; index: number }) {
  const share = row.values[index] ?? Number.NaN;
  return Number.isNaN(share) ? null : <b class="ew-strong-text">{formatShare(share)}</b>;
}

function note(index: number, tokens: TokenSequence, row: Row | null, signed: boolean): string {
  const place = `token ${index} · ${tokens.partOf(index)} · id ${tokens.ids[index] ?? "?"}`;
  if (!row || index === row.position) return place;
  if (tokens.leftToRight && index > row.position) return `${place} · comes later`;
  const share = row.values[index] ?? 0;
  if (signed && share !== 0) return `${place} · ${share > 0 ? "speaks for" : "speaks against"}`;
  return place;
}

function whyNotShown(index: number, tokens: TokenSequence, store: AttributionStore): string {
  if (store.traits.pinned.value || store.canShow(index)) return "";
  if (!tokens.isExplainable(index))
    return tokens.kind === "causal" ? "nothing stands before it that could explain it" : "";
  return "its row was not saved in this page";
}
