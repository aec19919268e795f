/**
 * The rows received so far, by spec and position.
 *
 * Content-addressed, so a late answer can only fill a row nobody looks at. Bounded: the specs that were looked at longest ago
 * are dropped first, then the oldest rows of the current one.
 */
import { type Signal, signal } from "@preact/signals-core";
import { maxAbs } from "../../charts/scales";
import { CodecError, decodeArray, isNdArray, isRecord } from "../../host/codec";

export interface Row {
  readonly position: number;
  /** (T,), absolute values sum to 1; NaN from the position on. */
  readonly values: Float32Array;
  /** Largest absolute value. */
  readonly max: number;
  readonly probability: number;
  readonly rank: number;
  readonly targetValue: number;
  /** Completeness gap relative to the total; NaN where the method has none. */
  readonly gap: number;
  /** Text of the token it was contrasted with; empty for other targets. */
  readonly foil: string;
}

export interface RowBatch {
  readonly spec: string;
  readonly rows: readonly Row[];
}

type Table = Map<number, Row>;

export const ROW_BYTES = 64 << 20;

function numbers(value: unknown, what: string): ArrayLike<number> {
  if (Array.isArray(value)) return value as number[];
  if (isNdArray(value)) return value.data;
  if (isRecord(value)) return decodeArray(value).data;
  throw new CodecError(`${what} must be an array`);
}

/**
 * Reads rows as they come in a result's data or in the `_rows` trait.
 *
 * @param tokens Number of tokens of the run; rows of another length are refused.
 * @throws CodecError when something is missing or does not fit.
 */
export function readRows(source: unknown, tokens: number): RowBatch {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("rows must name their spec");
  const positions = numbers(source.positions, "positions");
  const count = positions.length;
  if (count === 0) return { spec: source.spec, rows: [] };
  const array = isNdArray(source.values) ? source.values : decodeArray(source.values);
  const width = array.shape[1] ?? 0;
  if (array.shape[0] !== count || width !== tokens) {
    throw new CodecError(`values must have shape [${count}, ${tokens}], got [${array.shape.join(", ")}]`);
  }
  const values = array.data instanceof Float32Array ? array.data : Float32Array.from(array.data);
  const scalars = (name: string): ArrayLike<number> => {
    if (source[name] === undefined || source[name] === null) return [];
    const found = numbers(source[name], name);
    if (found.length !== count) throw new CodecError(`${name} must have ${count} values, got ${found.length}`);
    return found;
  };
  const probability = scalars("probability");
  const rank = scalars("rank");
  const targetValue = scalars("target_value");
  const gap = scalars("gap");
  const foils: readonly unknown[] = Array.isArray(source.foils) ? source.foils : [];
  const rows = Array.from({ length: count }, (_, r): Row => {
    const row = values.subarray(r * width, (r + 1) * width);
    return {
      position: positions[r] ?? Number.NaN,
      values: row,
      max: maxAbs(row),
      probability: probability[r] ?? Number.NaN,
      rank: rank[r] ?? Number.NaN,
      targetValue: targetValue[r] ?? Number.NaN,
      gap: gap[r] ?? Number.NaN,
      foil: typeof foils[r] === "string" ? foils[r] : "",
    };
  });
  return { spec: source.spec, rows };
}

export class RowCache {
  /** Counts up when rows arrive: who reads it is told. */
  readonly version: Signal<number> = signal(0);
  readonly #tables = new Map<string, Table>();
  readonly #limit: number;
  #bytes = 0;

  constructor(limitBytes = ROW_BYTES) {
    this.#limit = limitBytes;
  }

  add({ spec, rows }: RowBatch): void {
    if (rows.length === 0) return;
    const table: Table = this.#tables.get(spec) ?? new Map();
    // Re-inserting makes it the most recently used.
    this.#tables.delete(spec);
    this.#tables.set(spec, table);
    for (const row of rows) {
      const old = table.get(row.position);
      if (old) this.#bytes -= old.values.byteLength;
      table.delete(row.position);
      table.set(row.position, row);
      this.#bytes += row.values.byteLength;
    }
    this.#evict(spec);
    this.version.value = this.version.peek() + 1;
  }

  get(spec: string, position: number | null): Row | null {
    if (position === null) return null;
    return this.#tables.get(spec)?.get(position) ?? null;
  }

  /** How many rows of a spec are at hand. */
  count(spec: string): number {
    return this.#tables.get(spec)?.size ?? 0;
  }

  /**
   * Largest absolute value among a spec's rows.
   *
   * @param from Rows from this position on; if there are none, all. The first rows of a prompt share their attribution among
   *   one or two tokens and would make everything else pale.
   */
  max(spec: string, from = 0): number {
    let all = 0;
    let later = 0;
    for (const { position, max } of this.#tables.get(spec)?.values() ?? []) {
      all = Math.max(all, max);
      if (position >= from) later = Math.max(later, max);
    }
    return later > 0 ? later : all;
  }

  clear(): void {
    this.#tables.clear();
    this.#bytes = 0;
  }

  #evict(current: string): void {
    for (const [spec, table] of this.#tables) {
      if (this.#bytes <= this.#limit) return;
      if (spec === current) continue;
      for (const row of table.values()) this.#bytes -= row.values.byteLength;
      this.#tables.delete(spec);
    }
    const table = this.#tables.get(current);
    if (!table) return;
    for (const [position, row] of table) {
      if (this.#bytes <= this.#limit || table.size === 1) return;
      table.delete(position);
      this.#bytes -= row.values.byteLength;
    }
  }
}
