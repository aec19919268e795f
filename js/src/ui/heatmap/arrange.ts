/** From what a map shows and how much room it has to where everything is. */
import type { HeatmapContent } from "./content";
import { labelFont, numberFont } from "./labels";
import { type Layout, layOut } from "./layout";
import type { TextFitter } from "./text";

interface Room {
  readonly width: number;
  readonly fit: boolean;
}

export function arrange(map: HeatmapContent, fitter: TextFitter, family: string, { width, fit }: Room): Layout {
  const { labels, scale } = map;
  const font = labelFont(family);
  const input = {
    rows: labels.rows.length,
    columns: labels.columns.length,
    width,
    pixelRatio: devicePixelRatio,
    rowLabel: Math.max(fitter.widest(labels.rows, font), fitter.width(labels.corner, font)),
    columnLabel: fitter.widest(labels.columns, font),
    lastColumnLabel: fitter.width(labels.columns.at(-1) ?? "", font),
    fit,
    bare: map.bare === true,
    marks: map.rowMarks !== undefined,
  };
  // The size of the numbers depends on the height of the rows, which does not depend on them.
  const size = layOut({ ...input, number: 0 });
  return layOut({ ...input, number: fitter.width(scale.widest, numberFont(size, family)) });
}
