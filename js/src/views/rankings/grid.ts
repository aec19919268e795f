/** The numbers of the heat map, as the kernel sends them: four measures and the best tokens of every layer and position. */
import { CodecError, isRecord } from "../../host/codec";
import { arrayOf, float32, int32, type LensTop } from "../lens/top";

export type MeasureName = "rank" | "log_probability" | "entropy" | "kl";

export interface Grid {
  /** `run|scope|final_norm|site` */
  readonly spec: string;
  /** P positions, ascending */
  readonly positions: readonly number[];
  /** L */
  readonly layers: number;
  /** (L, P) each */
  readonly measures: Readonly<Record<MeasureName, Float32Array>>;
  /** Tokens listed for each cell. */
  readonly k: number;
  /** (L, P, k), best first */
  readonly topIds: Int32Array;
  readonly topProbabilities: Float32Array;
  readonly texts: Readonly<Record<string, string>>;
}

export interface GridChoice {
  readonly run: string;
  readonly scope: string;
  readonly final_norm: boolean;
  readonly site: string;
}

/** `run|scope|final_norm|site`; Python computes the same. */
export function gridSpec({ run, scope, final_norm, site }: GridChoice): string {
  return `${run}|${scope}|${final_norm ? 1 : 0}|${site}`;
}

/**
 * Reads a grid.
 *
 * @throws CodecError when something is missing or does not fit.
 */
export function readGrid(source: unknown): Grid {
  if (!isRecord(source) || typeof source.spec !== "string") throw new CodecError("a grid must name its spec");
  const positions = Array.isArray(source.positions) ? source.positions.map(Number) : [];
  const rank = arrayOf(source.rank, "rank", [null, positions.length]);
  const layers = rank.shape[0] ?? 0;
  const measure = (name: string) => float32(arrayOf(source[name], name, [layers, positions.length]));
  const ids = arrayOf(source.top_ids, "top_ids", [layers, positions.length, null]);
  const k = ids.shape[2] ?? 0;
  const texts = isRecord(source.texts) ? source.texts : {};
  return {
    spec: source.spec,
    positions,
    layers,
    measures: {
      rank: Float32Array.from(rank.data),
      log_probability: measure("log_probability"),
      entropy: measure("entropy"),
      kl: measure("kl"),
    },
    k,
    topIds: int32(ids),
    topProbabilities: float32(arrayOf(source.top_probabilities, "top_probabilities", [layers, positions.length, k])),
    texts: Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, String(text)])),
  };
}

export interface Candidate {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

/** The best tokens of a layer at a column, best first. */
export function candidates({ positions, k, topIds, topProbabilities, texts }: Grid, layer: number, column: number) {
  const start = (layer * positions.length + column) * k;
  return Array.from({ length: k }, (_, i): Candidate => {
    const id = topIds[start + i] ?? -1;
    return { id, text: texts[id] ?? `#${id}`, probability: topProbabilities[start + i] ?? Number.NaN };
  });
}

/** What the grid knows of a position's layer predictions, as if they had been asked for; null for other positions. */
export function topOf(grid: Grid, position: number, actual: { id: number; text: string } | null): LensTop | null {
  const column = grid.positions.indexOf(position);
  if (column < 0) return null;
  const all = Array.from({ length: grid.layers }, (_, layer) => candidates(grid, layer, column));
  const at = (values: Float32Array, layer: number) => values[layer * grid.positions.length + column] ?? Number.NaN;
  const [run, , final_norm, site] = splitSpec(grid.spec);
  const { rank, log_probability } = grid.measures;
  return {
    spec: `${run}|${position}|${grid.k}|${final_norm}|${site}`,
    position,
    layers: grid.layers,
    k: grid.k,
    stride: grid.k,
    ids: Int32Array.from(all.flat(), ({ id }) => id),
    probabilities: Float32Array.from(all.flat(), ({ probability }) => probability),
    texts: all.map((row) => row.map(({ text }) => text)),
    actual,
    actualRanks: Int32Array.from(actual ? all : [], (_, layer) => at(rank, layer)),
    actualProbabilities: Float32Array.from(actual ? all : [], (_, layer) => Math.exp(at(log_probability, layer))),
  };
}

/** The parts of a grid's spec. The run comes first and may hold anything. */
function splitSpec(spec: string): readonly [string, string, string, string] {
  const parts = spec.split("|");
  const [scope = "", final_norm = "", site = ""] = parts.slice(-3);
  return [parts.slice(0, -3).join("|"), scope, final_norm, site];
}
