/** The figure of the chosen style, with its title; or what is missing for one. */
import { useMemo } from "preact/hooks";
import { formatCount } from "../../charts/format";
import { useValue } from "../../ui/use-value";
import { Heading } from "../lens/heading";
import { shownLayers } from "../lens/layers";
import { place } from "../lens/place";
import type { PositionStrip } from "../lens/position-strip";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import { ColumnsFigure } from "./columns-figure";
import { LinesFigure } from "./lines-figure";
import type { RankingsWatchStore } from "./store";

interface FigureProps {
  store: RankingsWatchStore;
  frame: Frame;
  positions: PositionStrip;
}

const TITLE = "How the layers rank them";

export function Figure({ store, frame, positions }: FigureProps) {
  const painted = useValue(store.painted);
  const faded = useValue(useMemo(() => watchFading(store.fresh, frame.ended), [store, frame]));
  const tokens = useValue(positions.tokens);
  const style = useValue(store.traits.view_style);
  const order = useValue(store.traits.layer_order);
  const theme = useValue(frame.theme);
  const { layer_names, n_layers } = useValue(store.traits._lens);
  const { vocabulary } = useValue(store.traits._model);
  if (!painted) return <Heading title={TITLE}>point at a token to see it</Heading>;
  const { position } = painted;
  const heading = (
    <Heading title={TITLE}>
      <b class="ew-strong-text ew-place">{place(tokens, position)}</b> · position {position} · 1 is best, of{" "}
      {formatCount(vocabulary)}
    </Heading>
  );
  if (painted.tokens.length === 0) {
    return (
      <>
        {heading}
        <div class="ew-nothing">Add tokens above to see how each layer ranks them.</div>
      </>
    );
  }
  if (style === "lines") {
    return (
      <>
        {heading}
        <LinesFigure tokens={painted.tokens} names={layer_names} vocabulary={vocabulary} faded={faded} />
      </>
    );
  }
  return (
    <>
      {heading}
      <ColumnsFigure
        tokens={painted.tokens}
        shown={shownLayers(n_layers, null, order)}
        names={layer_names}
        vocabulary={vocabulary}
        theme={theme}
        faded={faded}
        actual={position < tokens.ids.length ? (tokens.ids[position] ?? null) : null}
      />
    </>
  );
}
