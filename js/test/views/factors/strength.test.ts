import { describe, expect, test } from "vitest";
import { categorical, categoricalLevel, HUE_STEPS } from "../../../src/charts/categorical";
import { LEVELS } from "../../../src/charts/palettes";
import type { Tokens } from "../../../src/generated/shared";
import { TokenSequence } from "../../../src/ui/strip/tokens";
import { describeFactors, describeToken } from "../../../src/views/factors/describe";
import { readFactors } from "../../../src/views/factors/factor-set";
import { coloringRows, ranked, strength, strongest, tokenLevels } from "../../../src/views/factors/strength";
import { factorsMessage, factorsModel } from "./fixtures";

function setOf(rows: number[][], ids = rows.map((_, k) => k), changes: Record<string, unknown> = {}) {
  const tokens = rows[0]?.length ?? 0;
  const peak = rows.map((row) => Math.max(...row.filter((value) => !Number.isNaN(value)).map(Math.abs)));
  return readFactors({
    ...factorsMessage("nmf|2|all|0|0", ids, changes),
    loadings: { dtype: "float32", shape: [rows.length, tokens], data: Float32Array.from(rows.flat()) },
    peak: { dtype: "float32", shape: [rows.length], data: Float32Array.from(peak) },
  });
}

describe("the factor that colours a token", () => {
  const set = setOf([
    [4, 1, 0, Number.NaN],
    [1, 2, 0, Number.NaN],
  ]);

  test("is the one with the largest loading", () => {
    expect([0, 1, 2, 3].map((token) => strongest(set, [0, 1], token))).toEqual([0, 1, -1, -1]);
  });

  test("is taken from the one looked at, else from those pinned, else from all", () => {
    expect(coloringRows(set, 1, [0])).toEqual([1]);
    expect(coloringRows(set, null, [0])).toEqual([0]);
    expect(coloringRows(set, null, [7])).toEqual([0, 1]);
    expect(coloringRows(set, 7, [])).toEqual([0, 1]);
  });

  test("colours by the share of its peak; nothing where there is no state", () => {
    expect(strength(set, 0, 1)).toBeCloseTo(0.25);
    const levels = tokenLevels(set, [0, 1], new Int16Array(4));
    expect([...levels]).toEqual([HUE_STEPS, 2 * HUE_STEPS, 0, 0]);
  });

  test("keeps its colour whatever row it is in", () => {
    const moved = setOf([[4, 1]], [13]);
    expect(tokenLevels(moved, [0], new Int16Array(2))[0]).toBe(categoricalLevel(3, 1));
  });

  test("is ranked by size, loadings below zero too", () => {
    const signed = setOf([
      [1, 0],
      [-3, 0],
    ]);
    expect(ranked(signed, 0)).toEqual([1, 0]);
    expect(strength(signed, 1, 0)).toBe(1);
  });

  test("of zeros is none", () => {
    const zeros = setOf([[0, 0]]);
    expect(strength(zeros, 0, 0)).toBe(0);
    expect(strongest(zeros, [0], 0)).toBe(-1);
  });
});

describe("the colours", () => {
  test("reach every level, and faint strengths have none", () => {
    for (const theme of ["light", "dark"] as const) {
      const { table, colors } = categorical(theme);
      expect(new Set(colors).size).toBe(10);
      expect(table.background[LEVELS + categoricalLevel(9, 1)]).toMatch(/^rgb/);
      expect(table.background[LEVELS]).toBe("");
    }
    expect(categoricalLevel(3, 0.01)).toBe(0);
    expect(categoricalLevel(3, Number.NaN)).toBe(0);
  });
});

describe("sentences", () => {
  const making = { computing: false, fits: true, tookMs: 300 };

  test("say what was made of how many neurons, how well, how long it took", () => {
    const set = readFactors(factorsMessage("nmf|2|all|0|0", [0, 1], { error: 0.2143, total_neurons: 3072 }));
    expect(describeFactors(set, "only", making)).toEqual(["NMF of 3,072 neurons", "error 21.4%", "refined in 300 ms"]);
    expect(describeFactors(set, "decoder", { ...making, tookMs: null }).join(" · ")).toBe(
      "NMF of 3,072 decoder neurons · error 21.4% · 30 iterations",
    );
  });

  test("say that a picture was stopped, is refined, or belongs to another choice", () => {
    const last = (changes: Record<string, unknown>, how: Partial<typeof making>) =>
      describeFactors(readFactors(factorsMessage("nmf|2|all|0|0", [0], changes)), "only", { ...making, ...how }).at(-1);
    expect(last({ stopped: true, iterations: 12 }, {})).toBe("stopped at iteration 12");
    expect(last({ done: false }, { computing: true })).toBe("refining …");
    expect(last({}, { fits: false })).toBe("of another choice");
  });

  test("name the strongest factors of a token", () => {
    const tokens = new TokenSequence(factorsModel().get("_tokens") as Tokens);
    const set = readFactors(factorsMessage("nmf|2|all|0|0", [0, 4]));
    expect(describeToken(tokens, set, 1)).toBe(
      '",", token 1: factor 4 at 100% of its peak, factor 0 at 25% of its peak',
    );
  });
});
