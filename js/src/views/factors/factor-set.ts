/** Factors of the neurons' activations, as the kernel sends them. */
import type { FactorsTraits } from "../../generated/factors";
import { CodecError, isRecord } from "../../host/codec";
import { arrayOf, float32, int32 } from "../lens/top";

export interface FactorSet {
  /** `run|method|n_components|layers|seed|normalize` */
  readonly spec: string;
  /** K identities: a factor keeps its colour and its name while it lives. */
  readonly ids: readonly number[];
  readonly fresh: ReadonlySet<number>;
  /** T */
  readonly tokens: number;
  /** K rows of T; NaN where there is no state. */
  readonly loadings: readonly Float32Array[];
  /** (K,) largest absolute loading. */
  readonly peak: Float32Array;
  /** (K,); NaN while it is not known. */
  readonly explained: Float32Array;
  /** (K,) */
  readonly neurons: Int32Array | null;
  readonly error: number;
  readonly iterations: number;
  /** false: a better one follows. */
  readonly done: boolean;
  readonly stopped: boolean;
  readonly method: FactorsTraits["method"];
  readonly signed: boolean;
  readonly layers: readonly number[];
  readonly totalNeurons: number;
}

export type FactorChoice = Pick<FactorsTraits, "method" | "n_components" | "layers" | "seed" | "normalize"> & {
  readonly run: string;
};

/** `run|method|n_components|layers|seed|normalize`; Python computes the same. */
export function factorSpec({ run, method, n_components, layers, seed, normalize }: FactorChoice): string {
  return [run, method, n_components, layers ? layers.join(",") : "all", seed, normalize ? 1 : 0].join("|");
}

function wholeNumbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];
}

function number(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

function methodOf(value: unknown): FactorsTraits["method"] {
  return value === "pca" || value === "ica" ? value : "nmf";
}

/**
 * Reads a set of factors.
 *
 * @throws CodecError when something is missing or does not fit.
 */
export function readFactors(source: unknown): FactorSet {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("factors must name their spec");
  const ids = wholeNumbers(source.ids);
  const count = ids.length;
  const loadings = arrayOf(source.loadings, "loadings", [count, null]);
  const tokens = loadings.shape[1] ?? 0;
  const all = float32(loadings);
  const explained = float32(arrayOf(source.explained, "explained", [null]));
  const neurons = int32(arrayOf(source.n_neurons, "n_neurons", [null]));
  return {
    spec: source.spec,
    ids,
    fresh: new Set(wholeNumbers(source.fresh)),
    tokens,
    loadings: ids.map((_, k) => all.subarray(k * tokens, (k + 1) * tokens)),
    peak: float32(arrayOf(source.peak, "peak", [count])),
    explained: explained.length === count ? explained : new Float32Array(count).fill(Number.NaN),
    neurons: neurons.length === count ? neurons : null,
    error: number(source.error),
    iterations: number(source.iterations),
    done: source.done === true,
    stopped: source.stopped === true,
    method: methodOf(source.method),
    signed: source.signed === true,
    layers: wholeNumbers(source.layers),
    totalNeurons: number(source.total_neurons),
  };
}

/** A factor goes by its identity, as in Python. */
export function factorName(id: number): string {
  return String(id);
}
