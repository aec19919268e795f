/** Where everything of the plot of effects is, in pixels. */
import { formatValue } from "../../charts/format";
import { niceCeiling } from "../../charts/intervals";
import type { PointEffect } from "./effect";

export interface PlotBox {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface PlotGeometry {
  readonly box: PlotBox;
  /** Distance from one output to the next. */
  readonly pitch: number;
  x(index: number): number;
  y(change: number): number;
  /** Changes with a line and a number: zero, and the ends. */
  readonly ticks: readonly number[];
}

export const PLOT_HEIGHT = 112;

/** The interval that has to be seen: all dots, and the random neurons' spread. */
function extent(points: readonly PointEffect[]): readonly [number, number] {
  let [low, high] = [0, 0];
  for (const { change, random, spread } of points) {
    const ends = random === null ? [change] : [change, random - spread, random + spread];
    for (const end of ends) {
      if (!Number.isFinite(end)) continue;
      low = Math.min(low, end);
      high = Math.max(high, end);
    }
  }
  // A hair above and below zero is nothing to make room for.
  const larger = Math.max(high, -low);
  if (larger < 1e-6) return [-1, 1];
  const wide = niceCeiling(larger);
  return [
    low < -0.02 * larger ? (-low > 0.25 * larger ? -niceCeiling(-low) : -0.25 * wide) : -0.08 * wide,
    high > 0.02 * larger ? (high > 0.25 * larger ? niceCeiling(high) : 0.25 * wide) : 0.08 * wide,
  ];
}

/** Pixels of a digit of the axis, about. */
const DIGIT = 6.2;

export function plotGeometry(points: readonly PointEffect[], width: number): PlotGeometry {
  const [low, high] = extent(points);
  const round = (end: number) => Math.abs(end) === niceCeiling(Math.abs(end));
  const ticks = [low, 0, high].filter((end) => end === 0 || round(end));
  const longest = Math.max(...ticks.map((tick) => formatValue(tick).length));
  const box = { width, height: PLOT_HEIGHT, left: Math.max(34, 12 + DIGIT * longest), right: 8, top: 8, bottom: 18 };
  const room = Math.max(1, width - box.left - box.right);
  const pitch = Math.min(34, room / Math.max(1, points.length));
  const depth = box.height - box.top - box.bottom;
  const y = (change: number) => box.top + (depth * (high - Math.min(high, Math.max(low, change)))) / (high - low);
  return { box, pitch, x: (index) => box.left + (index + 0.5) * pitch, y, ticks };
}

/** The output under a place; null beside them. */
export function pointAt(geometry: PlotGeometry, count: number, x: number): number | null {
  const index = Math.floor((x - geometry.box.left) / geometry.pitch);
  return index >= 0 && index < count ? index : null;
}
