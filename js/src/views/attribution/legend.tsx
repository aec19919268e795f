/** What the colours mean, and what the model made of the explained token. */
import { formatShare } from "../../charts/format";
import { Menu } from "../../ui/menu";
import { Caret } from "../../ui/segmented";
import { useValue } from "../../ui/use-value";
import { explained, predictionFacts } from "./describe";
import type { AttributionStore } from "./store";
import type { Settable } from "./store-types";
import type { ViewState } from "./view-state";

/** Completeness gaps above this are pointed out: the integral was computed too coarsely. */
const WIDE_GAP = 0.05;

interface LegendProps {
  store: AttributionStore;
  view: ViewState;
}

export function Legend({ store, view }: LegendProps) {
  const painted = useValue(store.painted);
  const tokens = useValue(view.tokens);
  const position = useValue(store.traits.position);
  if (!painted) {
    return (
      <div class="ew-legend">
        <span>{position === null ? "point at a token to see what it is attributed to" : "\u00a0"}</span>
      </div>
    );
  }
  const target = store.traits.target.value;
  return (
    <div class="ew-legend">
      <span class="ew-legend-what">
        share of the attribution of{" "}
        <b class="ew-strong-text">
          {explained(tokens, painted.position, target, painted.row.foil || store.traits.foil.value).map(
            ({ text, quoted }) => (
              <span key={text} class={quoted ? "ew-whole" : ""}>
                {text}
              </span>
            ),
          )}
        </b>
      </span>
      <Ramp store={store} view={view} />
      <Scale store={store} />
      <Gap gap={painted.row.gap} />
      <Facts store={store} view={view} />
    </div>
  );
}

function Ramp({ store, view }: LegendProps) {
  const { gradient } = useValue(view.table);
  const domain = useValue(store.domain);
  const signed = useValue(store.signed);
  return (
    <span class="ew-ramp-box">
      <span>{signed ? `against ${formatShare(-domain)}` : "0%"}</span>
      <span class="ew-ramp" style={{ background: gradient }} aria-hidden="true" />
      <span>{signed ? `${formatShare(domain)} for` : formatShare(domain)}</span>
    </span>
  );
}

function Scale({ store }: { store: AttributionStore }) {
  const scale = useValue(store.traits.scale);
  const choices = [
    { name: "row", label: "this token", note: "the strongest colour is this token's largest share" },
    { name: "fixed", label: "all tokens", note: "one scale for all, so that tokens can be compared" },
  ];
  return (
    <Menu
      label="scale of the colours"
      choices={choices}
      value={scale}
      onChoose={(name) => store.apply({ scale: name as Settable["scale"] })}
      className="ew-inline"
    >
      scale: {scale === "fixed" ? "all tokens" : "this token"}
      <Caret />
    </Menu>
  );
}

function Gap({ gap }: { gap: number }) {
  if (Number.isNaN(gap)) return null;
  return (
    <span
      class={`ew-gap ${gap > WIDE_GAP ? "ew-warn" : ""}`}
      title="How far the attributions are from adding up to the change of the explained value (completeness)."
    >
      gap {formatShare(gap)}
    </span>
  );
}

function Facts({ store, view }: LegendProps) {
  const painted = useValue(store.painted);
  const position = useValue(store.traits.position);
  const pinned = useValue(store.traits.pinned);
  const width = useValue(view.width);
  const facts = painted && painted.position === position ? predictionFacts(painted.row) : [];
  return (
    <span class="ew-facts">
      {position !== null && <span>position {position}</span>}
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      {pinned ? (
        <button type="button" class="ew-pin" onClick={() => store.apply({ pinned: false })} title="free it (Escape)">
          pinned <span class="ew-key">Esc</span>
        </button>
      ) : (
        width !== "narrow" && width !== "small" && <span class="ew-hint">← → move · Enter pins</span>
      )}
    </span>
  );
}
