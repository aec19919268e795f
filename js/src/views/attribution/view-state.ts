/** What belongs to one view and not to the model: the token looked at, fading, the width, the theme. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Theme } from "../../charts/color";
import { parseRgb } from "../../charts/color";
import type { Rgb } from "../../charts/oklab";
import { type ColorTable, colorTable } from "../../charts/palettes";
import { TokenSequence } from "../../ui/strip/tokens";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import type { Width } from "../shared/width";
import type { AttributionStore } from "./store";

export interface ViewState {
  readonly tokens: ReadonlySignal<TokenSequence>;
  readonly theme: ReadonlySignal<Theme>;
  readonly width: ReadonlySignal<Width>;
  readonly table: ReadonlySignal<ColorTable>;
  readonly faded: ReadonlySignal<boolean>;
  /** The token that is looked at without being chosen. */
  readonly inspected: Signal<number | null>;
}

function backgroundOf(root: HTMLElement): Rgb | undefined {
  const color = parseRgb(getComputedStyle(root).backgroundColor);
  return color && color.alpha === 1 ? color.rgb : undefined;
}

export function createViewState(store: AttributionStore, { root, theme, width, ended }: Frame): ViewState {
  const table = computed(() => {
    root.dataset.theme = theme.value;
    return colorTable(store.signed.value ? "diverging" : "ember", theme.value, backgroundOf(root));
  });
  return {
    tokens: computed(() => new TokenSequence(store.traits._tokens.value)),
    theme,
    width,
    table,
    faded: watchFading(store.row, ended),
    inspected: signal<number | null>(null),
  };
}
