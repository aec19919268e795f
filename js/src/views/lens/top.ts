/** The best tokens of each layer at one position, as the kernel sends them. */
import type { TokenChoice } from "../../generated/shared";
import { CodecError, decodeArray, isNdArray, isRecord, type NdArray } from "../../host/codec";
import { readTokenChoice } from "./completions";

export interface LensTop {
  /** `run|position|topk|final_norm|site` */
  readonly spec: string;
  readonly position: number;
  /** L */
  readonly layers: number;
  /** Tokens of each layer that are shown, at most `stride`. */
  readonly k: number;
  /** Tokens of each layer that are there. */
  readonly stride: number;
  /** (L, stride), best first */
  readonly ids: Int32Array;
  /** (L, stride) */
  readonly probabilities: Float32Array;
  /** L lists of `stride` texts */
  readonly texts: ReadonlyArray<readonly string[]>;
  /** The token that stands there; null for the one that would come next. */
  readonly actual: TokenChoice | null;
  /** (L,), 1 is best; empty without an actual token */
  readonly actualRanks: Int32Array;
  /** (L,); empty without an actual token */
  readonly actualProbabilities: Float32Array;
}

/** Decodes an array of a message or a trait. @throws CodecError when it has another shape (null is any size). */
export function arrayOf(value: unknown, name: string, shape: ReadonlyArray<number | null>): NdArray {
  const array = isNdArray(value) ? value : decodeArray(value);
  const fits =
    array.shape.length === shape.length && shape.every((size, i) => size === null || size === array.shape[i]);
  if (!fits) {
    const wanted = shape.map((size) => size ?? "any").join(", ");
    throw new CodecError(`${name} must have shape [${wanted}], got [${array.shape.join(", ")}]`);
  }
  return array;
}

export function int32(array: NdArray): Int32Array {
  return array.data instanceof Int32Array ? array.data : Int32Array.from(array.data);
}

export function float32(array: NdArray): Float32Array {
  return array.data instanceof Float32Array ? array.data : Float32Array.from(array.data);
}

/**
 * Reads the best tokens.
 *
 * @throws CodecError when something is missing or does not fit.
 */
export function readTop(source: unknown): LensTop {
  if (!isRecord(source) || typeof source.spec !== "string")
    throw new CodecError("the best tokens must name their spec");
  if (typeof source.position !== "number") throw new CodecError("the best tokens must name their position");
  const ids = arrayOf(source.ids, "ids", [null, null]);
  const [layers = 0, k = 0] = ids.shape;
  const texts = Array.isArray(source.texts) ? (source.texts as unknown[]) : [];
  const fits = texts.length === layers && texts.every((row) => Array.isArray(row) && row.length === k);
  if (!fits) throw new CodecError(`texts must be ${layers} lists of ${k} texts`);
  const actual = readTokenChoice(source.actual);
  const rows = actual ? layers : 0;
  return {
    spec: source.spec,
    position: source.position,
    layers,
    k,
    stride: k,
    ids: int32(ids),
    probabilities: float32(arrayOf(source.probabilities, "probabilities", [layers, k])),
    texts: texts.map((row) => (row as unknown[]).map(String)),
    actual,
    actualRanks: int32(arrayOf(source.actual_ranks, "actual_ranks", [rows])),
    actualProbabilities: float32(arrayOf(source.actual_probabilities, "actual_probabilities", [rows])),
  };
}
