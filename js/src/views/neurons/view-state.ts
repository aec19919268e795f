/** What belongs to one view and not to the model: the cell pointed at, the picture in this theme. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { categorical } from "../../charts/categorical";
import type { HeatmapContent } from "../../ui/heatmap/content";
import type { Cell } from "../../ui/heatmap/layout";
import type { TokenSequence } from "../../ui/strip/tokens";
import { columnLabel } from "../rankings/picture";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import { sequenceOf } from "../shared/parts";
import { type NeuronMap, rowValues } from "./neuron-map";
import { type ActivationScale, activationScale } from "./scale";
import type { NeuronsStore } from "./store";

export interface Picture {
  readonly map: NeuronMap;
  readonly scale: ActivationScale;
  readonly content: HeatmapContent;
}

/** The neuron whose tokens are coloured. */
export interface Shown {
  readonly index: number;
  readonly values: Float32Array;
}

export interface ViewState extends Frame {
  readonly tokens: ReadonlySignal<TokenSequence>;
  readonly picture: ReadonlySignal<Picture | null>;
  /** The cell that is pointed at (row -1: a column's label). */
  readonly cell: Signal<Cell | null>;
  /** The token that is pointed at in the text or in the card. */
  readonly token: Signal<number | null>;
  /** All columns squeezed into the width. */
  readonly fit: Signal<boolean>;
  readonly crowded: Signal<boolean>;
  /** The neuron that is pointed at, else the one that is open. */
  readonly shown: ReadonlySignal<Shown | null>;
  readonly faded: ReadonlySignal<boolean>;
}

export function clusterColor(colors: readonly string[], cluster: number): string {
  return colors[cluster % colors.length] ?? "";
}

export function createViewState(store: NeuronsStore, frame: Frame): ViewState {
  const { traits } = store;
  const tokens = computed(() => sequenceOf(traits._tokens.value, []));
  const columns = computed(() => Array.from({ length: tokens.value.length }, (_, i) => columnLabel(tokens.value, i)));
  const picture = computed((): Picture | null => {
    const map = store.painted.value;
    if (!map) return null;
    const scale = activationScale(map.values, frame.theme.value);
    const { colors } = categorical(frame.theme.value);
    const content: HeatmapContent = {
      values: map.values,
      scale,
      bare: true,
      rowMarks: Array.from(map.cluster, (cluster) => clusterColor(colors, cluster)),
      caption: `activations of ${map.neurons.length} neurons of layer ${map.layer} at each token`,
      labels: { rows: Array.from(map.neurons, String), columns: columns.value, corner: "neuron" },
    };
    return { map, scale, content };
  });
  const cell = signal<Cell | null>(null);
  const shown = computed((): Shown | null => {
    const map = picture.value?.map;
    const row = cell.value?.row ?? -1;
    const index = map?.neurons[row];
    if (map && index !== undefined) return { index, values: rowValues(map, row) };
    const neuron = store.neuron.value;
    return neuron && { index: neuron.index, values: neuron.values };
  });
  return {
    ...frame,
    tokens,
    picture,
    cell,
    token: signal<number | null>(null),
    fit: signal(true),
    crowded: signal(false),
    shown,
    faded: watchFading(store.map, frame.ended),
  };
}
