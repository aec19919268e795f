/** Ties the heat map to the store: picture down, gestures up. */
import { effect } from "@preact/signals-core";
import { onAbort } from "../../host/listen";
import { Heatmap } from "../../ui/heatmap/heatmap";
import { describeCell } from "./describe";
import type { NeuronMap } from "./neuron-map";
import type { NeuronsStore } from "./store";
import type { ViewState } from "./view-state";

/** The widget's root element, as tests and exports see it. */
export interface NeuronsElement extends HTMLElement {
  /** The map that is drawn; null while there is none. */
  ewNeurons?: NeuronMap | null;
  ewHeatmap?: Heatmap;
}

export function bindMap(store: NeuronsStore, view: ViewState): Heatmap {
  const { traits } = store;
  const { ended } = view;
  const root: NeuronsElement = view.root;
  /** The mark is ours to take back. */
  let marking = false;
  const mark = (position: number | null) => {
    if (position === null && !marking) return;
    marking = position !== null;
    store.mark(position);
  };
  const map = new Heatmap(
    {
      hover(cell) {
        view.cell.value = cell;
        mark(cell?.column ?? null);
      },
      open(cell) {
        const index = view.picture.value?.map.neurons[cell.row];
        if (index !== undefined) store.select(index === traits.selected.value ? null : index);
      },
      leave() {
        if (traits.selected.value !== null) store.select(null);
        else store.cancel();
      },
      crowded(is) {
        view.crowded.value = is;
      },
      describe(cell) {
        const picture = view.picture.value;
        return picture ? describeCell(picture.map, view.tokens.value, cell) : "";
      },
    },
    ended,
  );
  root.ewHeatmap = map;
  let revealed: number | null = null;
  const stops = [
    effect(() => {
      const picture = view.picture.value;
      map.element.hidden = picture === null;
      if (picture) map.set(picture.content);
      root.ewNeurons = picture?.map ?? null;
      root.dataset.painted = picture?.map.spec ?? "";
    }),
    effect(() => {
      const { cell, token, fit, faded, picture } = view;
      const selected = traits.selected.value;
      const row = selected === null ? -1 : (picture.value?.map.neurons.indexOf(selected) ?? -1);
      const marked = token.value ?? traits.marked.value;
      map.update({
        selected: null,
        // The column under the pointer needs no mark.
        marked: marked !== (cell.value?.column ?? null) ? marked : null,
        row: row < 0 ? null : row,
        faded: faded.value,
        fit: fit.value,
      });
      if (row >= 0 && selected !== revealed && !map.element.matches(":hover")) map.revealRow(row);
      revealed = selected;
      root.dataset.selected = String(selected ?? "");
    }),
    effect(() => {
      view.theme.value;
      map.restyle();
    }),
  ];
  onAbort(ended, () => {
    for (const stop of stops) stop();
    mark(null);
  });
  return map;
}
