/** Ties the heat map to the store: picture down, gestures up. */
import { effect } from "@preact/signals-core";
import { onAbort } from "../../host/listen";
import { Heatmap } from "../../ui/heatmap/heatmap";
import type { Cell } from "../../ui/heatmap/layout";
import { describeCell } from "./describe";
import type { RankingsStore } from "./store";
import type { ViewState } from "./view-state";

/** The widget's root element, as tests and exports see it. */
export interface RankingsElement extends HTMLElement {
  /** (rows, columns) values of the measure that is painted, rows from the top; null while there is none. */
  ewValues?: Float32Array | null;
  ewHeatmap?: Heatmap;
}

export function bindMap(store: RankingsStore, view: ViewState): Heatmap {
  const { traits } = store;
  const { ended } = view;
  const root: RankingsElement = view.root;
  /** The mark is ours to take back. */
  let marking = false;
  const positionAt = (cell: Cell | null) =>
    cell === null ? null : (view.picture.value?.grid.positions[cell.column] ?? null);
  const mark = (position: number | null) => {
    if (position === null && !marking) return;
    marking = position !== null;
    store.mark(position);
  };
  const map = new Heatmap(
    {
      hover(cell) {
        view.pointed.value = cell;
        mark(positionAt(cell));
      },
      open(cell) {
        const position = positionAt(cell);
        if (position !== null) store.toggle(position);
      },
      leave() {
        if (traits.position.value !== null) store.choose(null);
        else store.cancel();
      },
      crowded(is) {
        view.crowded.value = is;
      },
      describe(cell) {
        const picture = view.picture.value;
        if (!picture) return "";
        const layer = picture.layers[cell.row] ?? 0;
        const name = traits._lens.value.layer_names[layer] ?? `layer ${layer}`;
        return describeCell(view.tokens.value, picture.grid, { layer, column: cell.column }, name);
      },
    },
    ended,
  );
  root.ewHeatmap = map;

  const columnOf = (position: number | null) => {
    const column = position === null ? -1 : (view.picture.value?.grid.positions.indexOf(position) ?? -1);
    return column < 0 ? null : column;
  };
  const stops = [
    effect(() => {
      const picture = view.picture.value;
      map.element.hidden = picture === null;
      if (picture) map.set(picture.content);
      root.ewValues = picture?.content.values ?? null;
      root.dataset.painted = picture ? picture.grid.spec : "";
      root.dataset.measure = picture ? picture.scale.name : "";
    }),
    effect(() => {
      const { pointed, fit, faded } = view;
      const marked = traits.marked.value;
      map.update({
        selected: columnOf(traits.position.value),
        // The column under the pointer needs no mark.
        marked: marked !== positionAt(pointed.value) ? columnOf(marked) : null,
        faded: faded.value,
        fit: fit.value,
      });
      root.dataset.position = String(traits.position.value ?? "");
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
