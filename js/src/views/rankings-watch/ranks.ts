/**
 * The ranks received so far, a column for each token, by how and where the layers were read.
 *
 * Columns are kept apart: when a token is added or removed, those of the others are at hand.
 */
import { type Signal, signal } from "@preact/signals-core";
import { CodecError, isRecord } from "../../host/codec";
import { arrayOf, float32, int32 } from "../lens/top";

/** One token at one position. */
export interface RankColumn {
  readonly id: number;
  /** (L,), 1 is best */
  readonly ranks: Int32Array;
  /** (L,) */
  readonly probabilities: Float32Array;
}

export interface RankBatch {
  /** Where and how: `run|position|final_norm|site`. */
  readonly place: string;
  readonly columns: readonly RankColumn[];
}

export interface Place {
  readonly run: string;
  readonly position: number | null;
  readonly final_norm: boolean;
  readonly site: string;
}

/** `run|position|final_norm|site`, the spec of the ranks without its tokens. */
export function placeKey({ run, position, final_norm, site }: Place): string {
  return `${run}|${position}|${final_norm ? 1 : 0}|${site}`;
}

/**
 * Reads ranks as they come in a result's data or in the `_ranks` trait.
 *
 * @throws CodecError when something is missing or does not fit.
 */
export function readRanks(source: unknown): RankBatch {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("ranks must name their spec");
  const ids = Array.isArray(source.ids) ? source.ids.map(Number) : [];
  const ranks = arrayOf(source.ranks, "ranks", [null, ids.length]);
  const layers = ranks.shape[0] ?? 0;
  const probabilities = arrayOf(source.probabilities, "probabilities", [layers, ids.length]);
  const column = (values: ArrayLike<number>, w: number) =>
    Array.from({ length: layers }, (_, l) => values[l * ids.length + w] ?? Number.NaN);
  return {
    place: source.spec.slice(0, source.spec.lastIndexOf("|")),
    columns: ids.map((id, w) => ({
      id,
      ranks: Int32Array.from(column(int32(ranks), w)),
      probabilities: Float32Array.from(column(float32(probabilities), w)),
    })),
  };
}

/** Columns that are kept. */
export const MOST_COLUMNS = 20_000;

export class RankCache {
  /** Counts up when ranks arrive: who reads it is told. */
  readonly version: Signal<number> = signal(0);
  readonly #places = new Map<string, Map<number, RankColumn>>();
  readonly #most: number;
  #count = 0;

  constructor(most = MOST_COLUMNS) {
    this.#most = most;
  }

  add({ place, columns }: RankBatch): void {
    const known = this.#places.get(place) ?? new Map<number, RankColumn>();
    // Re-inserting makes it the most recently used.
    this.#places.delete(place);
    this.#places.set(place, known);
    for (const column of columns) {
      if (!known.has(column.id)) this.#count++;
      known.set(column.id, column);
    }
    for (const [oldest, { size }] of this.#places) {
      if (this.#count <= this.#most || oldest === place) break;
      this.#places.delete(oldest);
      this.#count -= size;
    }
    this.version.value = this.version.peek() + 1;
  }

  get(place: string, id: number): RankColumn | null {
    return this.#places.get(place)?.get(id) ?? null;
  }
}
