/** What belongs to one view and not to the model: the token looked at, fading, the width, the theme. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Theme } from "../../charts/color";
import { parseRgb } from "../../charts/color";
import type { Rgb } from "../../charts/oklab";
import { type ColorTable, colorTable } from "../../charts/palettes";
import { onAbort } from "../../host/listen";
import { TokenSequence } from "../../ui/strip/tokens";
import type { AttributionStore } from "./store";

export type Width = "full" | "wide" | "medium" | "small" | "narrow";

/** Smallest width (CSS pixels) of each class: controls on one line, on one line with fewer methods, on two, on two with fewer. */
const SMALLEST: ReadonlyArray<readonly [Width, number]> = [
  ["full", 1100],
  ["wide", 1030],
  ["medium", 860],
  ["small", 625],
];

/** What is over sooner than this is not worth fading. */
export const FADE_AFTER_MS = 110;

export interface ViewState {
  readonly tokens: ReadonlySignal<TokenSequence>;
  readonly theme: ReadonlySignal<Theme>;
  readonly width: ReadonlySignal<Width>;
  readonly table: ReadonlySignal<ColorTable>;
  readonly faded: ReadonlySignal<boolean>;
  /** The token that is looked at without being chosen. */
  readonly inspected: Signal<number | null>;
}

export function widthClass(pixels: number): Width {
  return SMALLEST.find(([, smallest]) => pixels >= smallest)?.[0] ?? "narrow";
}

function backgroundOf(root: HTMLElement): Rgb | undefined {
  const color = parseRgb(getComputedStyle(root).backgroundColor);
  return color && color.alpha === 1 ? color.rgb : undefined;
}

export function createViewState(
  store: AttributionStore,
  root: HTMLElement,
  theme: ReadonlySignal<Theme>,
  ended: AbortSignal,
): ViewState {
  const width = signal<Width>("wide");
  const measure = () => {
    if (root.clientWidth > 0) width.value = widthClass(root.clientWidth);
  };
  const observer = new ResizeObserver(measure);
  observer.observe(root);
  onAbort(ended, () => observer.disconnect());
  measure();

  const faded = signal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopFollowing = store.row.subscribe((row) => {
    clearTimeout(timer);
    if (row) faded.value = false;
    else timer = setTimeout(() => (faded.value = true), FADE_AFTER_MS);
  });
  onAbort(ended, () => {
    stopFollowing();
    clearTimeout(timer);
  });

  const table = computed(() => {
    root.dataset.theme = theme.value;
    return colorTable(store.signed.value ? "diverging" : "ember", theme.value, backgroundOf(root));
  });
  return {
    tokens: computed(() => new TokenSequence(store.traits._tokens.value)),
    theme,
    width,
    table,
    faded,
    inspected: signal<number | null>(null),
  };
}
