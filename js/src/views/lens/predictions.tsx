/** The best tokens of each layer at a position, drawn from the results of a store; with the popover of a candidate. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatPercent } from "../../charts/format";
import { childController, onAbort } from "../../host/listen";
import { PredictionTable } from "../../ui/predictions/table";
import { watchFading } from "../shared/fading";
import type { Frame } from "../shared/mount";
import type { LensHandle } from "./handle";
import { shownLayers } from "./layers";
import { predictionsOf } from "./picture";
import { type OpenToken, TokenPopover } from "./token-popover";
import type { LensTop } from "./top";

interface PredictionsProps {
  store: LensHandle;
  /** What is drawn, and what the current choice has (null while it is computed). */
  tops: { readonly current: ReadonlySignal<LensTop | null>; readonly painted: ReadonlySignal<LensTop | null> };
  frame: Frame;
  /** The layers that are shown; null is all. */
  layers: ReadonlySignal<readonly number[] | null> | null;
}

export function Predictions({ store, tops, frame, layers }: PredictionsProps) {
  const holder = useRef<HTMLDivElement>(null);
  const open = useMemo(() => signal<OpenToken | null>(null), []);
  const position = useMemo(() => computed(() => tops.painted.value?.position ?? null), [tops]);
  useEffect(() => {
    const controller = childController(frame.ended);
    const table = new PredictionTable(({ candidate, row, rank, cell }) => {
      const facts = [`${row.name}, rank ${rank}`, formatPercent(candidate.probability), `id ${candidate.id}`];
      const actual = tops.painted.value?.actual?.id === candidate.id;
      open.value = { token: candidate, anchor: cell, facts, actual };
    }, controller.signal);
    holder.current?.replaceChildren(table.element);
    const faded = watchFading(tops.current, controller.signal);
    const stop = effect(() => {
      const top = tops.painted.value;
      table.element.hidden = top === null;
      if (!top) return;
      const { layer_names } = store.lens._lens.value;
      const shown = shownLayers(top.layers, layers?.value ?? null, store.lens.layer_order.value);
      table.update(predictionsOf(top, shown, layer_names, store.watched.value, faded.value));
    });
    onAbort(controller.signal, stop);
    return () => controller.abort();
  }, [store, tops, frame, layers, open]);
  return (
    <>
      <div ref={holder} class="ew-pred-holder" />
      <TokenPopover store={store} open={open} position={position} />
    </>
  );
}
