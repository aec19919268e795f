/** What the views of one factors widget share: the factors at hand, the open card, the last ablation. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { type FactorCard, type FactorsTraits, factorsTraitNames } from "../../generated/factors";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { type LiveDefinition, LiveStore, MARK_CHANNEL, VIEW_CHANNEL } from "../../host/live-store";
import type { TraitChanges } from "../../host/live-types";
import type { ErrorDescription } from "../../host/messages";
import type { Clock, InFlight } from "../../host/requests";
import { Interventions } from "../interventions/runner";
import { readCard } from "./card-data";
import { type FactorSet, factorSpec, readFactors } from "./factor-set";

const CARD_CHANNEL = "card";
/** Errors about what is pointed at are nobody's business: the next gesture is another. */
const GESTURE = "gesture";

const DEFINITION: LiveDefinition<FactorsTraits> = {
  names: factorsTraitNames,
  channels: { pinned: VIEW_CHANNEL, focus: VIEW_CHANNEL, card: CARD_CHANNEL, marked: MARK_CHANNEL },
  alsoComputing: [CARD_CHANNEL],
  saved: ["_factors", "_card"],
};

export class FactorsStore extends LiveStore<FactorsTraits> {
  /** The picture at hand: refined or not, of this choice or an earlier one. */
  readonly factors: ReadonlySignal<FactorSet | null>;
  /** Is it that of the present choice? */
  readonly fits: ReadonlySignal<boolean>;
  /** The open card; null while it is not there. */
  readonly card: ReadonlySignal<FactorCard | null>;
  readonly ablations = new Interventions(this, "ablate");
  /** How long the finished picture took, in milliseconds; null if it is not known. */
  readonly took: ReadonlySignal<number | null>;

  readonly #latest = signal<FactorSet | null>(null);
  readonly #card = signal<FactorCard | null>(null);
  readonly #wanted: ReadonlySignal<string>;

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(DEFINITION, model, ended, clock);
    const { _tokens, method, n_components, layers, seed, normalize, card } = this.traits;
    this.#wanted = computed(() =>
      factorSpec({
        run: _tokens.value.run,
        method: method.value,
        n_components: n_components.value,
        layers: layers.value,
        seed: seed.value,
        normalize: normalize.value,
      }),
    );
    this.factors = computed(() => {
      const latest = this.#latest.value;
      return latest?.spec.startsWith(`${_tokens.value.run}|`) ? latest : null;
    });
    this.fits = computed(() => this.factors.value?.spec === this.#wanted.value);
    this.card = computed(() => (this.#card.value?.id === card.value ? this.#card.value : null));
    this.took = computed(() => {
      const outcome = this.outcome.value;
      return outcome && outcome.source !== "local" && this.fits.value ? outcome.elapsedMs : null;
    });
    this.restoreSaved();
    ended.addEventListener(
      "abort",
      effect(() => {
        if (this.problem.value?.about === GESTURE) this.dismissProblem();
      }),
      { once: true },
    );
  }

  /** Shows one factor alone; null shows them together again. */
  isolate(id: number | null): void {
    if (id === this.traits.focus.value) return;
    // While factors are refined the kernel may know others already.
    if (id === null || this.factors.value?.done) this.apply({ focus: id });
    else this.expect({ focus: id });
  }

  togglePin(id: number): void {
    const pinned = this.traits.pinned.value;
    this.apply({ pinned: pinned.includes(id) ? pinned.filter((other) => other !== id) : [...pinned, id] });
  }

  /** Opens a factor's card; null closes it. */
  openCard(id: number | null): void {
    if (id !== this.traits.card.value && (id === null || this.canOpen(id))) this.apply({ card: id });
  }

  /** Without a kernel only the saved card can be opened. */
  canOpen(id: number): boolean {
    return this.connection.open || this.#card.value?.id === id;
  }

  mark(position: number | null): void {
    if (position !== this.traits.marked.value) this.apply({ marked: position });
  }

  protected override atHand(): boolean {
    const factors = this.factors.value;
    if (!factors?.done || !this.fits.value) return false;
    const id = this.traits.card.value;
    if (id === null || !factors.ids.includes(id)) return true;
    const card = this.#card.value;
    return card?.id === id && card.spec === factors.spec;
  }

  protected override wanted(): boolean {
    return true;
  }

  protected override question(): TraitChanges<FactorsTraits> {
    const { n_components, card } = this.traits;
    const factors = this.factors.value;
    return factors?.done && this.fits.value ? { card: card.value } : { n_components: n_components.value };
  }

  protected override aboutOf(request: InFlight | null, _error: ErrorDescription): string {
    const names = Object.keys(request?.params ?? {});
    return names.length > 0 && names.every((name) => name === "focus") ? GESTURE : "widget";
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    if (isRecord(data.factors) && "spec" in data.factors) this.#latest.value = readFactors(data.factors);
    if (isRecord(data.card) && "spec" in data.card) this.#card.value = readCard(data.card);
  }

  protected override takeSaved(): void {
    const { _factors, _card } = this.traits;
    this.#takeSavedFactors(_factors.value);
    if (isRecord(_card.value) && "spec" in _card.value) this.#card.value = readCard(_card.value);
  }

  /** What is saved may be older than what has been sent since. */
  #takeSavedFactors(source: unknown): void {
    if (!isRecord(source) || !("spec" in source)) return;
    const latest = this.#latest.peek();
    const wanted = this.#wanted.peek();
    if (latest?.spec === wanted && source.spec !== wanted) return;
    const saved = readFactors(source);
    if (latest?.spec === saved.spec && !saved.done && saved.iterations < latest.iterations) return;
    this.#latest.value = saved;
  }

  /** Goes on with factors whose refinement was cancelled. */
  resume(): void {
    this.apply({ n_components: this.traits.n_components.value });
  }
}
