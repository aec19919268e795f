/** What belongs to one view and not to the model: the token pointed at, colours in this theme. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { type Categorical, categorical } from "../../charts/categorical";
import type { TokenSequence } from "../../ui/strip/tokens";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import { sequenceOf } from "../shared/parts";
import type { FactorsStore } from "./store";
import { coloringRows, tokenLevels } from "./strength";

export interface ViewState extends Frame {
  readonly tokens: ReadonlySignal<TokenSequence>;
  readonly palette: ReadonlySignal<Categorical>;
  /** The token that is pointed at in this view. */
  readonly token: Signal<number | null>;
  /** Is it in the text that it is pointed at? Then its loadings are shown there. */
  readonly inText: Signal<boolean>;
  /** Rows of the factors that colour the tokens. */
  readonly rows: ReadonlySignal<readonly number[]>;
  /** (T,) levels in the palette's table. */
  readonly levels: ReadonlySignal<Int16Array>;
  readonly faded: ReadonlySignal<boolean>;
}

export function createViewState(store: FactorsStore, frame: Frame): ViewState {
  const { traits } = store;
  const tokens = computed(() => sequenceOf(traits._tokens.value, traits._bounds.value.texts));
  const rows = computed(() => {
    const set = store.factors.value;
    return set ? coloringRows(set, traits.focus.value, traits.pinned.value) : [];
  });
  const levels = computed(() => {
    const out = new Int16Array(tokens.value.length);
    const set = store.factors.value;
    return set ? tokenLevels(set, rows.value, out) : out;
  });
  return {
    ...frame,
    tokens,
    palette: computed(() => categorical(frame.theme.value)),
    token: signal<number | null>(null),
    inText: signal(false),
    rows,
    levels,
    faded: watchFading(store.fits, frame.ended),
  };
}

/** The colour of a factor in a theme. */
export function factorColor({ colors }: Categorical, id: number): string {
  return colors[id % colors.length] ?? "";
}
