/** What the views of one neurons widget share: its maps, the neuron that is open, the last intervention. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { type NeuronsTraits, neuronsTraitNames } from "../../generated/neurons";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { type LiveDefinition, LiveStore, MARK_CHANNEL } from "../../host/live-store";
import type { TraitChanges } from "../../host/live-types";
import type { Clock } from "../../host/requests";
import { Interventions } from "../interventions/runner";
import { mapSpec, type Neuron, type NeuronMap, neuronSpec, readMap, readNeuron } from "./neuron-map";

const NEURON_CHANNEL = "neuron";

/** Activations (of all maps together) and neurons that are kept, to go back to. */
const MOST_VALUES = 3_000_000;
const MOST_NEURONS = 300;

const DEFINITION: LiveDefinition<NeuronsTraits> = {
  names: neuronsTraitNames,
  channels: { selected: NEURON_CHANNEL, marked: MARK_CHANNEL },
  alsoComputing: [NEURON_CHANNEL],
  saved: ["_map", "_neuron"],
};

export class NeuronsStore extends LiveStore<NeuronsTraits> {
  /** The map of the present choice; null while it is not at hand. */
  readonly map: ReadonlySignal<NeuronMap | null>;
  /** What is drawn: the present map, or the last one that was at hand. */
  readonly painted: ReadonlySignal<NeuronMap | null>;
  /** The neuron that is open; null for none, and while it is not at hand. */
  readonly neuron: ReadonlySignal<Neuron | null>;
  readonly interventions = new Interventions(this, "intervene");

  readonly #maps = new Map<string, NeuronMap>();
  readonly #neurons = new Map<string, Neuron>();
  readonly #version = signal(0);

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(DEFINITION, model, ended, clock);
    const { _tokens, layer, n_clusters, order, n_shown, selected } = this.traits;
    this.map = computed(() => {
      this.#version.value;
      const choice = { layer: layer.value, n_clusters: n_clusters.value, order: order.value, n_shown: n_shown.value };
      return this.#maps.get(mapSpec({ run: _tokens.value.run, ...choice })) ?? null;
    });
    let last: NeuronMap | null = null;
    let lastRun = "";
    this.painted = computed(() => {
      const { run } = _tokens.value;
      if (run !== lastRun) last = null;
      lastRun = run;
      last = this.map.value ?? last;
      return last;
    });
    this.neuron = computed(() => {
      this.#version.value;
      const index = selected.value;
      return index === null ? null : (this.#neurons.get(neuronSpec(_tokens.value.run, layer.value, index)) ?? null);
    });
    this.restoreSaved();
    // What was painted last is remembered even while no view looks.
    ended.addEventListener(
      "abort",
      effect(() => void this.painted.value),
      { once: true },
    );
  }

  /** Shows another layer; the neuron that is open belongs to this one. */
  showLayer(layer: number): void {
    if (layer === this.traits.layer.value) return;
    this.apply({ layer });
    this.expect({ selected: null });
  }

  /** Opens a neuron of the layer; null closes it. */
  select(index: number | null): void {
    const { selected, layer, _tokens } = this.traits;
    if (index === selected.value) return;
    const saved = index === null || this.#neurons.has(neuronSpec(_tokens.value.run, layer.value, index));
    if (saved || this.connection.open) this.apply({ selected: index });
  }

  /** Opens the neuron that is shown so many rows further down. */
  step(by: 1 | -1): void {
    const map = this.map.value;
    const { selected } = this.traits;
    if (!map || selected.value === null) return;
    const row = map.neurons.indexOf(selected.value);
    const next = map.neurons[row < 0 ? (by > 0 ? 0 : map.neurons.length - 1) : row + by];
    if (next !== undefined) this.select(next);
  }

  mark(position: number | null): void {
    if (position !== this.traits.marked.value) this.apply({ marked: position });
  }

  protected override atHand(): boolean {
    return this.map.value !== null && (this.traits.selected.value === null || this.neuron.value !== null);
  }

  protected override wanted(): boolean {
    return true;
  }

  protected override question(): TraitChanges<NeuronsTraits> {
    const { layer, selected } = this.traits;
    return this.map.value === null ? { layer: layer.value } : { selected: selected.value };
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    this.#takeMap(data.map);
    this.#takeNeuron(data.neuron);
  }

  protected override takeSaved(): void {
    const { _map, _neuron } = this.traits;
    this.#takeMap(_map.value);
    this.#takeNeuron(_neuron.value);
  }

  #isOfThisRun(source: unknown): boolean {
    const { run } = this.traits._tokens.value;
    return isRecord(source) && typeof source.spec === "string" && source.spec.startsWith(`${run}|`);
  }

  #takeMap(source: unknown): void {
    if (!this.#isOfThisRun(source)) return;
    const map = readMap(source);
    this.#maps.delete(map.spec);
    this.#maps.set(map.spec, map);
    let values = [...this.#maps.values()].reduce((sum, { values: { length } }) => sum + length, 0);
    for (const [oldest, { values: gone }] of this.#maps) {
      if (values <= MOST_VALUES || oldest === map.spec) break;
      this.#maps.delete(oldest);
      values -= gone.length;
    }
    this.#version.value = this.#version.peek() + 1;
  }

  #takeNeuron(source: unknown): void {
    if (!this.#isOfThisRun(source)) return;
    const neuron = readNeuron(source);
    this.#neurons.set(neuron.spec, neuron);
    const [oldest] = this.#neurons.keys();
    if (this.#neurons.size > MOST_NEURONS && oldest !== undefined) this.#neurons.delete(oldest);
    this.#version.value = this.#version.peek() + 1;
  }
}
