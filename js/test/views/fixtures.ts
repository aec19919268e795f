/** Traits and messages as the kernel sends them. */
import { StaticModel } from "../../src/standalone/static-model";

/** Rows in which the tokens before a position share equally. */
export function rowsMessage(spec: string, positions: number[], tokens: number) {
  const values = new Float32Array(positions.length * tokens).fill(Number.NaN);
  for (const [r, position] of positions.entries()) values.fill(1 / position, r * tokens, r * tokens + position);
  const count = positions.length;
  return {
    spec: `trace-1|${spec}`,
    foils: positions.map(() => ""),
    positions,
    values: { dtype: "float32", shape: [count, tokens], data: values },
    probability: { dtype: "float32", shape: [count], data: new Float32Array(count).fill(0.5) },
    rank: { dtype: "int32", shape: [count], data: new Int32Array(count).fill(1) },
    target_value: { dtype: "float32", shape: [count], data: new Float32Array(count).fill(12) },
    gap: { dtype: "float32", shape: [count], data: new Float32Array(count).fill(Number.NaN) },
  };
}

export const SPEC = "grad_x_input|logit||l2";
export const TOKENS = 8;

/** A model as Python creates it, its first row included. */
export function model(traits: Record<string, unknown> = {}, sent: unknown[] = []): StaticModel {
  const state = {
    _tokens: {
      run: "trace-1",
      texts: ["The", " keys", " to", " the", " cabinet", " are", " on", "."],
      ids: [1, 2, 3, 4, 5, 6, 7, 8],
      n_prompt: 5,
      special: [],
      fragments: [],
      first_position: 1,
      kind: "causal",
      n_source: 0,
      segments: [{ name: "text", start: 0, stop: 8 }],
      explainable: [1, 2, 3, 4, 5, 6, 7],
    },
    _model: { name: "demo", layers: 6, vocabulary: 8192, context: 512 },
    _options: {
      methods: [],
      targets: [],
      aggregations: [
        { name: "l2", label: "L2", note: "", signed: false },
        { name: "sum", label: "sum", note: "", signed: true },
      ],
    },
    _rows: rowsMessage(SPEC, [5], TOKENS),
    position: 5,
    pinned: false,
    attr_method: "grad_x_input",
    target: "logit",
    foil: null,
    aggregation: "l2",
    view_style: "minimal",
    scale: "row",
    marked: null,
    ...traits,
  };
  return new StaticModel(state, (message) => sent.push(message));
}
