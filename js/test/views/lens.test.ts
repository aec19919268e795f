import { describe, expect, test } from "vitest";
import type { Tokens } from "../../src/generated/shared";
import { TokenSequence } from "../../src/ui/strip/tokens";
import { decidedAt, summary } from "../../src/views/layer-predictions/describe";
import { shortLayerName, shownLayers } from "../../src/views/lens/layers";
import { predictionsOf } from "../../src/views/lens/picture";
import { place } from "../../src/views/lens/place";
import { type LensTop, readTop } from "../../src/views/lens/top";
import { topSpec } from "../../src/views/lens/top-results";
import { cellSentence, preferred, summary as watchSummary } from "../../src/views/rankings-watch/describe";
import type { WatchedToken } from "../../src/views/rankings-watch/store";
import { lensModel, topMessage } from "./lens-fixtures";

const tokens = new TokenSequence(lensModel().get("_tokens") as Tokens, 8);
const names = ["layer 0", "layer 1", "layer 2"];
const top = readTop(topMessage("1|block", 4));

describe("the best tokens", () => {
  test("are addressed as in Python", () => {
    const choice = { run: "r", position: 5, topk: 10, final_norm: false, site: "ffn_out" };
    expect(topSpec(choice)).toBe("r|5|10|0|ffn_out");
  });

  test.each([
    [{}, /must name their spec/],
    [{ spec: "s" }, /must name their position/],
    [
      { ...topMessage("1|block", 4), probabilities: topMessage("1|block", 3).probabilities },
      /probabilities must have shape \[3, 4\]/,
    ],
    [{ ...topMessage("1|block", 4), actual: null }, /actual_ranks must have shape \[0\], got \[3\]/],
  ])("that do not fit are refused: %#", (source, message) => expect(() => readTop(source)).toThrow(message));

  test("become rows of the layers that are shown, in their order", () => {
    const fewer: LensTop = { ...top, k: 2 };
    const picture = predictionsOf(fewer, [2, 0], names, [{ id: 20, text: " are" }], false);
    expect(picture.rows.map(({ name, candidates }) => [name, candidates.map(({ id }) => id)])).toEqual([
      ["layer 2", [20, 21]],
      ["layer 0", [0, 1]],
    ]);
    expect(picture.rows[0]?.actual?.rank).toBe(1);
    expect([...picture.watched]).toEqual([[20, "var(--ew-series-0)"]]);
  });
});

describe("layers", () => {
  test.each([
    [null, "top", [0, 1, 2]],
    [null, "bottom", [2, 1, 0]],
    [[2, 0, 9], "top", [0, 2]],
    [[2, 0], "bottom", [2, 0]],
  ] as const)("%j with layer 0 at the %s are %j", (layers, order, shown) =>
    expect(shownLayers(3, layers, order)).toEqual(shown),
  );

  test("have short names", () => expect(names.map(shortLayerName)).toEqual(["0", "1", "2"]));
});

describe("sentences", () => {
  test("where the lens reads", () => {
    expect(place(tokens, 5)).toBe('before " are"');
    expect(place(tokens, 8)).toBe('after "."');
    const masked = new TokenSequence({ ...(lensModel().get("_tokens") as Tokens), kind: "masked" });
    expect(place(masked, 5)).toBe('at " are"');
  });

  test("from which layer on the token that stands there is the first", () => {
    expect(decidedAt(top)).toBe(2);
    expect(decidedAt({ ...top, actualRanks: Int32Array.from([1, 2, 3]) })).toBeNull();
    expect(decidedAt({ ...top, actualRanks: Int32Array.from([1, 1, 1]) })).toBe(0);
    expect(decidedAt({ ...top, actual: null })).toBeNull();
  });

  test("what the last layer says", () => {
    expect(summary(tokens, top, names)).toBe(
      'before " are", token 5: layer 2 says " t20", 25%. " are" stands there, rank 1.',
    );
  });
});

describe("watched tokens", () => {
  const token = (id: number, ranks: number[] | null): WatchedToken => ({
    id,
    text: ` t${id}`,
    place: 0,
    column: ranks && { id, ranks: Int32Array.from(ranks), probabilities: Float32Array.from(ranks, (r) => 1 / r) },
  });

  test("the preferred one is the best, if it is one", () => {
    const all = [token(1, [3, 2, 1]), token(2, [4, 2, 5]), token(3, null)];
    expect([0, 1, 2].map((layer) => preferred(all, layer))).toEqual([1, null, 1]);
    expect(preferred([token(1, [1, 1, 1])], 0)).toBeNull();
  });

  test("are named with rank and probability", () => {
    expect(cellSentence(token(4, [2, 5, 1234]), 2, "layer 2")).toBe('" t4", layer 2: rank 1,234, 0.08%');
    expect(cellSentence(token(4, null), 2, "layer 2")).toBe('" t4", layer 2: not computed yet');
    const painted = { place: "", position: 5, tokens: [token(4, [2, 5, 9]), token(5, null)] };
    expect(watchSummary(painted, 'before " are"', 3)).toBe('before " are", last layer: " t4" rank 9.');
  });
});
