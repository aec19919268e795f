/** Statistics of one factor, as the kernel sends them. */
import type { FactorCard, FactorNeuron, ScoredToken, SharedNeurons } from "../../generated/factors";
import { CodecError, isRecord } from "../../host/codec";
import { readScored } from "../interventions/ablation";

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const numbers = (value: unknown) => list(value).filter((item): item is number => typeof item === "number");
const number = (value: unknown) => (typeof value === "number" ? value : Number.NaN);

function neuron(value: unknown): FactorNeuron | null {
  if (!isRecord(value)) return null;
  const { layer, index, loading } = value;
  return { layer: number(layer), index: number(index), loading: number(loading) };
}

function sharedWith(value: unknown): SharedNeurons | null {
  return isRecord(value) ? { id: number(value.id), n: number(value.n) } : null;
}

function present<T>(items: ReadonlyArray<T | null>): T[] {
  return items.filter((item): item is T => item !== null);
}

/** Reads a card. @throws CodecError when it does not say what it belongs to. */
export function readCard(source: unknown): FactorCard {
  if (!isRecord(source) || typeof source.spec !== "string" || typeof source.id !== "number") {
    throw new CodecError("a card must name its spec and its factor");
  }
  const scored = (value: unknown): ScoredToken[] => readScored(value);
  return {
    spec: source.spec,
    id: source.id,
    n_neurons: number(source.n_neurons),
    share: number(source.share),
    explained: number(source.explained),
    layers: numbers(source.layers),
    by_layer: numbers(source.by_layer),
    shared: present(list(source.shared).map(sharedWith)),
    top_neurons: present(list(source.top_neurons).map(neuron)),
    top_tokens: numbers(source.top_tokens),
    promotes: scored(source.promotes),
    suppresses: scored(source.suppresses),
    no_vocabulary: typeof source.no_vocabulary === "string" ? source.no_vocabulary : "",
  };
}
