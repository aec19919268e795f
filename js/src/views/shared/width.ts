/** How much room a view has, in a few classes that style sheets and controls go by. */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { onAbort } from "../../host/listen";

export type Width = "full" | "wide" | "medium" | "small" | "narrow";

/** Smallest width (CSS pixels) of each class: controls on one line, on one line with fewer methods, on two, on two with fewer. */
const SMALLEST: ReadonlyArray<readonly [Width, number]> = [
  ["full", 1100],
  ["wide", 1030],
  ["medium", 860],
  ["small", 625],
];

export function widthClass(pixels: number): Width {
  return SMALLEST.find(([, smallest]) => pixels >= smallest)?.[0] ?? "narrow";
}

/** The width class of an element, kept up to date until the signal aborts. */
export function watchWidth(root: HTMLElement, ended: AbortSignal): ReadonlySignal<Width> {
  const width = signal<Width>("wide");
  const measure = () => {
    if (root.clientWidth > 0) width.value = widthClass(root.clientWidth);
  };
  const observer = new ResizeObserver(measure);
  observer.observe(root);
  onAbort(ended, () => observer.disconnect());
  measure();
  return width;
}
