/** The small token strip that chooses a position: by pointing, by click (which pins) and by keys. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { colorTable } from "../../charts/palettes";
import { onAbort } from "../../host/listen";
import { type StripEvents, TokenStrip } from "../../ui/strip/strip";
import { TokenSequence } from "../../ui/strip/tokens";
import type { Frame } from "../shared/mount";
import type { LensHandle } from "./handle";

export interface PositionStrip {
  readonly strip: TokenStrip;
  readonly tokens: ReadonlySignal<TokenSequence>;
  /** Pointing does not change the position while pinned. */
  readonly pinned: Signal<boolean>;
  /** The token that is looked at without being chosen. */
  readonly inspected: Signal<number | null>;
}

interface State extends Pick<PositionStrip, "pinned" | "inspected"> {
  /** The token under the pointer. */
  readonly pointed: Signal<number | null>;
}

function gestures(store: LensHandle, { pinned, inspected, pointed }: State, ended: AbortSignal): StripEvents {
  const { position } = store.lens;
  // The mark of the pointer here is ours to take back.
  onAbort(ended, () => {
    if (pointed.peek() !== null) store.mark(null);
  });
  const choose = (index: number) => {
    inspected.value = null;
    store.choose(index);
  };
  const pin = (index: number) => {
    if (!store.canChoose(index)) {
      inspected.value = index;
      return;
    }
    pinned.value = !(pinned.value && index === position.value);
    choose(index);
  };
  return {
    canChoose: (index) => store.canChoose(index),
    hover(index) {
      pointed.value = index;
      inspected.value = null;
      const held = index === null || pinned.value || !store.canChoose(index);
      if (!held) choose(index);
      else if (index !== position.value) inspected.value = index;
      // After the choice: one request a frame, and the choice is what is waited for.
      store.mark(index);
    },
    press(index, pointer) {
      // A finger can't hover: the first tap is the hover, the second pins.
      if (pointer === "touch" && index !== position.value && !pinned.value) choose(index);
      else pin(index);
    },
    choose,
    inspect(index) {
      inspected.value = index;
    },
    pin,
    free() {
      inspected.value = null;
      if (!store.cancel()) pinned.value = false;
    },
  };
}

/** Makes the strip of a view; it ends with the view. */
export function createPositionStrip(store: LensHandle, { theme, ended }: Frame): PositionStrip {
  const { _tokens, _lens, position, marked } = store.lens;
  const tokens = computed(() => new TokenSequence(_tokens.value, _lens.value.next_position));
  const pinned = signal(false);
  const inspected = signal<number | null>(null);
  const pointed = signal<number | null>(null);
  const strip = new TokenStrip(
    gestures(store, { pinned, inspected, pointed }, ended),
    ended,
    "Tokens: choose one to see what each layer would have said there",
  );
  strip.element.classList.add("ew-position-strip");
  const table = computed(() => colorTable("ember", theme.value));
  let written: TokenSequence | null = null;
  let revealed: number | null = null;
  const stops = [
    effect(() => {
      if (tokens.value !== written) strip.setTokens(tokens.value, "flowing");
      written = tokens.value;
      const chosen = position.value;
      strip.update({
        position: chosen,
        pinned: pinned.value,
        shares: null,
        domain: 0,
        table: table.value,
        faded: false,
      });
      if (chosen !== null && chosen !== revealed && !strip.element.matches(":hover")) strip.reveal(chosen);
      revealed = chosen;
    }),
    effect(() => strip.markInspected(inspected.value)),
    effect(() => strip.markElsewhere(marked.value === pointed.value ? null : marked.value)),
  ];
  onAbort(ended, () => {
    for (const stop of stops) stop();
  });
  return { strip, tokens, pinned, inspected };
}
