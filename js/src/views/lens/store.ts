/** What the stores of the lens widgets share: the watched tokens, the position pointed at, questions to the kernel. */
import { computed, type ReadonlySignal } from "@preact/signals-core";
import type { Completions, TokenChoice } from "../../generated/shared";
import type { AnyModel } from "../../host/anywidget";
import { type LiveDefinition, LiveStore, MARK_CHANNEL, VIEW_CHANNEL } from "../../host/live-store";
import type { TraitChanges, TraitSignals } from "../../host/live-types";
import type { Clock } from "../../host/requests";
import { readCompletions } from "./completions";
import type { LensChanges, LensHandle, LensTraits } from "./handle";

export type { LensChanges, LensTraits } from "./handle";

/** Channels that are the same in all lens widgets; a store adds its own. */
export const LENS_CHANNELS = {
  marked: MARK_CHANNEL,
  layer_order: VIEW_CHANNEL,
  watch: "watch",
} as const;

export abstract class LensStore<Traits extends LensTraits> extends LiveStore<Traits> implements LensHandle {
  readonly watched: ReadonlySignal<readonly TokenChoice[]>;
  readonly lens: TraitSignals<LensTraits>;
  /** Texts of tokens that were watched here before the kernel has said so. */
  readonly #texts = new Map<number, string>();

  constructor(definition: LiveDefinition<Traits>, model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(definition, model, ended, clock);
    this.lens = this.traits as unknown as TraitSignals<LensTraits>;
    const { watch, _watched } = this.lens;
    this.watched = computed(() => {
      const texts = new Map(_watched.value.map(({ id, text }) => [id, text]));
      return watch.value.map((id) => ({ id, text: texts.get(id) ?? this.#texts.get(id) ?? `#${id}` }));
    });
  }

  abstract hasFor(changes: LensChanges & { readonly position?: number | null }): boolean;

  change(changes: LensChanges): void {
    this.apply(changes as TraitChanges<Traits>);
  }

  canChoose(position: number): boolean {
    const { _tokens, _lens } = this.lens;
    const there = position === _lens.value.next_position || _tokens.value.explainable.includes(position);
    return there && (this.connection.open || this.hasFor({ position }));
  }

  choose(position: number | null): void {
    if (position === this.lens.position.value || (position !== null && !this.canChoose(position))) return;
    this.apply({ position } as TraitChanges<Traits>);
  }

  mark(position: number | null): void {
    if (position !== this.lens.marked.value) this.apply({ marked: position } as TraitChanges<Traits>);
  }

  watchToken({ id, text }: TokenChoice, on: boolean): void {
    const { watch } = this.lens;
    if (on === watch.value.includes(id)) return;
    this.#texts.set(id, text);
    const wanted = on ? [...watch.value, id] : watch.value.filter((other) => other !== id);
    this.apply({ watch: wanted } as unknown as TraitChanges<Traits>);
  }

  async contrast({ id }: TokenChoice, position: number | null): Promise<number | null> {
    const data = await this.ask("contrast", "contrast", position === null ? { id } : { id, position });
    return typeof data?.contrasted === "number" ? data.contrasted : null;
  }

  async complete(text: string): Promise<Completions | null> {
    const data = await this.ask("complete", "complete", { text });
    return data ? readCompletions(data) : null;
  }
}
