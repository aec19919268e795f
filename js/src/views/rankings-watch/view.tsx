/** One view of a RankingsWatch widget: tokens of one's own choice, and how each layer ranks them at a position. */
import { computed } from "@preact/signals-core";
import { useMemo } from "preact/hooks";
import { ElementHolder } from "../../ui/element-holder";
import { Group } from "../../ui/group";
import { Segmented } from "../../ui/segmented";
import { useValue } from "../../ui/use-value";
import { LensBar, NormToggle, OrderToggle, SiteMenu } from "../lens/controls";
import { place } from "../lens/place";
import { createPositionStrip, type PositionStrip } from "../lens/position-strip";
import { Announcement, ProblemBanner } from "../shared/liveness";
import { type Frame, mountView } from "../shared/mount";
import { summary } from "./describe";
import { Figure } from "./figure";
import { Legend } from "./legend";
import type { RankingsWatchStore } from "./store";
import { WatchBar } from "./watch-bar";

interface ViewProps {
  store: RankingsWatchStore;
  frame: Frame;
  positions: PositionStrip;
}

const STYLES = [
  { name: "columns", label: "columns", note: "a column for each token, a row for each layer" },
  { name: "lines", label: "lines", note: "a line for each token over the layers" },
];

function RankingsWatchView({ store, frame, positions }: ViewProps) {
  const style = useValue(store.traits.view_style);
  const said = useMemo(
    () =>
      computed(() => {
        const painted = store.painted.value;
        if (!painted || !store.fresh.value) return "";
        return summary(painted, place(positions.tokens.value, painted.position), store.lens._lens.value.n_layers);
      }),
    [store, positions],
  );
  return (
    <>
      <LensBar store={store} frame={frame} label="How the layers are read and shown">
        <Group label="show">
          <Segmented
            label="style"
            choices={STYLES}
            value={style}
            onChoose={(name) => store.apply({ view_style: name === "lines" ? "lines" : "columns" })}
          />
        </Group>
        <NormToggle store={store} />
        <SiteMenu store={store} />
        {style === "columns" && <OrderToggle store={store} />}
      </LensBar>
      <ProblemBanner store={store} about={["widget", "complete"]} />
      <ElementHolder element={positions.strip.element} />
      <WatchBar store={store} positions={positions} />
      <Figure store={store} frame={frame} positions={positions} />
      <Legend store={store} frame={frame} positions={positions} />
      <Announcement text={said} />
    </>
  );
}

/** Draws a view into an element until the signal aborts. */
export function renderRankingsWatch(store: RankingsWatchStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  return mountView(store, el, signal, {
    className: "ew-rankings-watch",
    label() {
      const { name, layers } = store.traits._model.value;
      return `Ranks of watched tokens, ${name}, ${layers} layers`;
    },
    content(frame) {
      return <RankingsWatchView store={store} frame={frame} positions={createPositionStrip(store, frame)} />;
    },
    facts() {
      const painted = store.painted.value;
      const { position } = store.traits;
      return {
        painted: painted ? paintedName(painted.place, painted.tokens) : "",
        position: position.value === null ? "" : String(position.value),
        style: store.traits.view_style.value,
      };
    },
  });
}

/** `final_norm|site|ids@position` with the ids whose ranks are drawn. */
function paintedName(spec: string, tokens: ReadonlyArray<{ readonly id: number; readonly column: unknown }>): string {
  const [position = "", ...rest] = spec.split("|").slice(-3);
  const ids = tokens.filter(({ column }) => column !== null).map(({ id }) => id);
  return `${rest.join("|")}|${ids.join(",")}@${position}`;
}
