import { describe, expect, test } from "vitest";
import { STEPS } from "../../../src/charts/sequential";
import { TokenSequence } from "../../../src/ui/strip/tokens";
import { cellFacts, columnKind, describeCell, hasScopes } from "../../../src/views/rankings/describe";
import { candidates, gridSpec, readGrid, topOf } from "../../../src/views/rankings/grid";
import { measureScale, measureSentence } from "../../../src/views/rankings/measures";
import { columnLabel, draw, inOrder } from "../../../src/views/rankings/picture";
import { gridMessage, RANKS, SPEC, TOKENS } from "./fixtures";

const grid = readGrid(gridMessage());
const tokens = new TokenSequence(TOKENS);

describe("grids", () => {
  test("are addressed as Python addresses them", () => {
    expect(gridSpec({ run: "trace-1", scope: "generated", final_norm: true, site: "block" })).toBe(SPEC);
    expect(gridSpec({ run: "r", scope: "all", final_norm: false, site: "ffn_out" })).toBe("r|all|0|ffn_out");
  });

  test("have measures and candidates of each cell", () => {
    expect([...grid.measures.rank]).toEqual(RANKS);
    expect(candidates(grid, 1, 2)).toEqual([
      { id: 10, text: " is", probability: 0.5 },
      { id: 20, text: " the", probability: 0.25 },
    ]);
    expect(cellFacts(grid, 0, 1).probability).toBeCloseTo(0.5 / 3, 6);
  });

  test("that don't fit are refused with what is wrong", () => {
    const { kl, ...without } = gridMessage();
    expect(() => readGrid(without)).toThrow(/expected an array object/);
    expect(() => readGrid({ ...without, kl: { ...kl, shape: [9] } })).toThrow("kl must have shape [3, 3], got [9]");
    expect(() => readGrid({})).toThrow("a grid must name its spec");
  });

  test("know a position's predictions, but not those of others", () => {
    const top = topOf(grid, 7, { id: 8, text: "." });
    expect(top?.spec).toBe("trace-1|7|2|1|block");
    expect([...(top?.actualRanks ?? [])]).toEqual([20, 2, 1]);
    expect(topOf(grid, 3, null)).toBeNull();
  });
});

describe("measures", () => {
  test("ranks are on a log scale that ends at the vocabulary", () => {
    const scale = measureScale("rank", [], 6144, "light");
    expect(scale.ticks.map(({ label }) => label)).toEqual(["1k", "100", "10", "1"]);
    expect(scale.step(1)).toBe(STEPS - 1);
    expect(scale.step(6144)).toBe(0);
    expect(scale.strength(100) - scale.strength(1000)).toBeCloseTo(scale.strength(1) - scale.strength(10), 12);
    expect(measureScale("rank", [], 50_257, "light").ticks[0]?.label).toBe("10k");
  });

  test("log-probabilities go from certain to a blind guess", () => {
    const scale = measureScale("log_probability", [], 6144, "dark");
    expect(scale.strength(0)).toBe(1);
    expect(scale.strength(-Math.log(6144))).toBeCloseTo(0, 12);
    expect(scale.step(-40)).toBe(0);
    expect(scale.ticks.map(({ label }) => label)).toEqual(["−8", "−6", "−4", "−2", "0"]);
    expect(scale.ticks.map(({ value }) => scale.strength(value))).toEqual(
      scale.ticks.map(({ value }) => scale.strength(value)).sort((a, b) => a - b),
    );
  });

  test("divergences go as far as those that there are, and no further than twice a blind guess", () => {
    expect(measureScale("kl", [0.1, 6.77], 6144, "light").ticks.at(-1)?.value).toBe(8);
    expect(measureScale("kl", [0, 1e9], 6144, "light").ticks.at(-1)?.value).toBe(20);
    expect(measureScale("kl", [0, 0], 6144, "light").strength(0)).toBe(0);
    expect(measureScale("kl", [Number.POSITIVE_INFINITY], 6144, "light").step(Number.POSITIVE_INFINITY)).toBe(
      STEPS - 1,
    );
  });

  test("what is not a number has no colour", () => {
    for (const name of ["rank", "log_probability", "entropy", "kl"] as const) {
      expect(measureScale(name, [], 6144, "light").step(Number.NaN)).toBe(-1);
    }
  });

  test("sentences say what a cell is and which way is better", () => {
    expect(measureSentence("rank", "generated token", 6144)).toBe(
      "rank of each generated token at each layer, 1 is best, of 6,144",
    );
    expect(measureSentence("entropy", "token", 6144)).toContain("0 is certain, 8.72 a blind guess");
  });
});

describe("pictures", () => {
  const input = {
    grid,
    measure: "rank" as const,
    layerNames: ["layer 0", "layer 1", "layer 2"],
    columns: ["are", "on", "."],
    vocabulary: 1000,
    theme: "light" as const,
    caption: "",
  };

  test("rows are in the order of the layers", () => {
    const picture = draw({ ...input, layers: [2, 1, 0], short: false });
    expect([...picture.content.values]).toEqual([1, 1, 1, 40, 1, 2, 500, 3, 20]);
    expect(picture.content.labels.rows).toEqual(["layer 2", "layer 1", "layer 0"]);
    expect([...inOrder(grid.measures.rank, 3, [1])]).toEqual([40, 1, 2]);
  });

  test("where it is narrow, the word before the numbers stands once", () => {
    const { labels } = draw({ ...input, layers: [0, 1, 2], short: true }).content;
    expect(labels).toMatchObject({ rows: ["0", "1", "2"], corner: "layer" });
  });

  test.each([
    [" Denmark", "Denmark"],
    ["\n\n", "↵"],
    ["\t", "→"],
    ["  ", "␣"],
    [" a  b", "a b"],
    ["\u0007x", "·x"],
    ["", "#17"],
  ])("%j above its column is %j", (text, label) => {
    expect(columnLabel(new TokenSequence({ ...TOKENS, texts: [text], ids: [17] }), 0)).toBe(label);
  });

  test("pieces of a character are numbered", () => {
    const pieces = new TokenSequence({ ...TOKENS, texts: [" 🙂", "", ""], ids: [1, 2, 3], fragments: [[0, 3]] });
    expect([0, 1, 2].map((i) => columnLabel(pieces, i))).toEqual(["🙂", "…2", "…3"]);
  });
});

describe("words", () => {
  test("what stands in a column", () => {
    expect(columnKind(TOKENS, "generated")).toBe("generated token");
    expect(columnKind(TOKENS, "all")).toBe("token");
    expect(columnKind({ ...TOKENS, n_prompt: 8 }, "generated")).toBe("token");
    expect(columnKind({ ...TOKENS, kind: "classification" }, "generated")).toBe("class");
    expect(columnKind({ ...TOKENS, kind: "seq2seq" }, "generated")).toBe("output token");
    expect(columnKind({ ...TOKENS, kind: "masked" }, "generated")).toBe("token");
  });

  test("there is no choice of tokens where it makes no difference", () => {
    expect(hasScopes(TOKENS)).toBe(true);
    expect(hasScopes({ ...TOKENS, n_prompt: 8 })).toBe(false);
    expect(hasScopes({ ...TOKENS, explainable: [5, 6, 7] })).toBe(false);
    expect(hasScopes({ ...TOKENS, kind: "classification" })).toBe(false);
  });

  test("a cell for who can't see the colours", () => {
    expect(describeCell(tokens, grid, { layer: 1, column: 2 }, "layer 1")).toBe(
      'layer 1: ".", token 7, rank 2, probability 25%. The layer\'s best is " is".',
    );
    expect(describeCell(tokens, grid, { layer: 2, column: 0 }, "layer 2")).toBe(
      'layer 2: " are", token 5, rank 1, probability 50%.',
    );
  });
});
