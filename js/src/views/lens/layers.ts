/** Which layers are drawn, in which order. */
export type LayerOrder = "top" | "bottom";

/**
 * Indices of the layers from the top row to the bottom row.
 *
 * @param layers Those that are shown; null is all. Layers that the model does not have are left out.
 * @param order Where layer 0 is.
 */
export function shownLayers(count: number, layers: readonly number[] | null, order: LayerOrder): number[] {
  const all = Array.from({ length: count }, (_, layer) => layer);
  const shown = layers === null ? all : all.filter((layer) => layers.includes(layer));
  return order === "top" ? shown : shown.reverse();
}

/** A name that fits beside a row: `layer 3` where there is room, else its number alone. */
export function shortLayerName(name: string): string {
  return name.replace(/^layer\s+/, "");
}
