/** What belongs to one view and not to the model: what is pointed at, how the map is squeezed, the picture in this theme. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Cell } from "../../ui/heatmap/layout";
import { TokenSequence } from "../../ui/strip/tokens";
import { shownLayers } from "../lens/layers";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import { columnKind } from "./describe";
import { measureSentence } from "./measures";
import { columnLabel, draw, type Picture } from "./picture";
import type { RankingsStore } from "./store";

export interface ViewState extends Frame {
  readonly tokens: ReadonlySignal<TokenSequence>;
  readonly picture: ReadonlySignal<Picture | null>;
  /** What a cell is, which way is better. */
  readonly sentence: ReadonlySignal<string>;
  /** The cell that is pointed at (row -1: a column's label). */
  readonly pointed: Signal<Cell | null>;
  /** All columns squeezed into the width. */
  readonly fit: Signal<boolean>;
  /** There are more columns than fit. */
  readonly crowded: Signal<boolean>;
  readonly faded: ReadonlySignal<boolean>;
}

export function createViewState(store: RankingsStore, frame: Frame): ViewState {
  const { traits } = store;
  const tokens = computed(() => new TokenSequence(traits._tokens.value));
  const sentence = computed(() =>
    measureSentence(
      traits.measure.value,
      columnKind(traits._tokens.value, traits.scope.value),
      traits._model.value.vocabulary,
    ),
  );
  // Labels apart: they are the same for all measures, and measuring thousands of them takes time.
  const columns = computed(() => (store.painted.value?.positions ?? []).map((i) => columnLabel(tokens.value, i)));
  const picture = computed((): Picture | null => {
    const grid = store.painted.value;
    if (!grid) return null;
    return draw({
      grid,
      measure: traits.measure.value,
      layers: shownLayers(grid.layers, null, traits.layer_order.value),
      layerNames: traits._lens.value.layer_names,
      columns: columns.value,
      vocabulary: traits._model.value.vocabulary,
      theme: frame.theme.value,
      caption: sentence.value,
      short: frame.width.value === "narrow",
    });
  });
  return {
    ...frame,
    tokens,
    picture,
    sentence,
    pointed: signal<Cell | null>(null),
    fit: signal(false),
    crowded: signal(false),
    faded: watchFading(store.grid, frame.ended),
  };
}
