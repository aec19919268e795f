/** What the table shows, and what the last layer made of the token that stands there. */
import { formatCount, formatPercent, quoteToken } from "../../charts/format";
import { useValue } from "../../ui/use-value";
import { Heading } from "../lens/heading";
import { shownLayers } from "../lens/layers";
import { place } from "../lens/place";
import { PositionHint } from "../lens/position-hint";
import type { PositionStrip } from "../lens/position-strip";
import type { LensTop } from "../lens/top";
import type { Frame } from "../shared/mount";
import { decidedAt } from "./describe";
import type { LayerPredictionsStore } from "./store";

interface TitleProps {
  store: LayerPredictionsStore;
  positions: PositionStrip;
}

export function Title({ store, positions }: TitleProps) {
  const top = useValue(store.tops.painted);
  const tokens = useValue(positions.tokens);
  const layers = useValue(store.traits.layers);
  const { n_layers, layer_names } = useValue(store.traits._lens);
  const shown = shownLayers(n_layers, layers, "top");
  if (!top) return <Heading title="What each layer would have said">point at a token to see it</Heading>;
  const [only] = shown;
  const single = shown.length === 1 && only !== undefined;
  const last = single && only === n_layers - 1;
  const title = last
    ? "What the model expects"
    : single
      ? `What ${layer_names[only] ?? `layer ${only}`} would have said`
      : "What each layer would have said";
  const where = place(tokens, top.position);
  return (
    <Heading title={title}>
      <b class="ew-strong-text ew-place">{where}</b> · position {top.position}
    </Heading>
  );
}

/** What became of the token that stands there, and how to choose another one. */
export function PositionFacts({ store, frame, positions }: TitleProps & { frame: Frame }) {
  const top = useValue(store.tops.painted);
  const layers = useValue(store.traits.layers);
  const { layer_names } = useValue(store.traits._lens);
  return (
    <span class="ew-facts">
      {top && <Fate top={top} layers={layers} names={layer_names} />}
      <PositionHint store={store} frame={frame} positions={positions} />
    </span>
  );
}

interface FateProps {
  top: LensTop;
  layers: readonly number[] | null;
  names: readonly string[];
}

function Fate({ top, layers, names }: FateProps) {
  if (!top.actual) return null;
  const shown = shownLayers(top.layers, layers, "top");
  const [only] = shown;
  // A list of one layer has no column for the token that stands there.
  if (shown.length === 1 && only !== undefined) {
    return (
      <span>
        {quoteToken(top.actual.text)} stands there: rank {formatCount(top.actualRanks[only] ?? Number.NaN)}, p ={" "}
        {formatPercent(top.actualProbabilities[only] ?? Number.NaN)}
      </span>
    );
  }
  const decided = decidedAt(top);
  if (decided === null) return null;
  return (
    <span>
      {quoteToken(top.actual.text)} is first from {names[decided] ?? `layer ${decided}`} on
    </span>
  );
}
