import { describe, expect, test } from "vitest";
import { MOST_POINTS, placeOf, sparkPath, thinned, tokenAt } from "../../../src/ui/sparklines/path";

const floats = (...values: number[]) => Float32Array.from(values);

describe("places", () => {
  test("a token's place leads back to it", () => {
    for (const tokens of [1, 7, 82, 1000]) {
      for (const token of [0, tokens >> 1, tokens - 1]) expect(tokenAt(placeOf(token, tokens), tokens)).toBe(token);
    }
  });

  test("the edges belong to the first and the last", () => {
    expect([-0.2, 0, 0.999, 1, 1.5].map((share) => tokenAt(share, 10))).toEqual([0, 0, 9, 9, 9]);
    expect(tokenAt(0.5, 0)).toBeNull();
  });
});

describe("thinning", () => {
  test("leaves what fits", () => {
    const values = floats(1, 2, 3);
    expect(thinned(values)).toBe(values);
  });

  test("keeps every peak", () => {
    const values = new Float32Array(1000);
    for (const peak of [0, 137, 555, 999]) values[peak] = peak + 1;
    const out = thinned(values);
    expect(out).toHaveLength(MOST_POINTS);
    expect([...out].filter((value) => value > 0)).toEqual([1, 138, 556, 1000]);
  });

  test("NaN gives way to numbers", () => {
    expect([...thinned(floats(Number.NaN, 2, Number.NaN, Number.NaN), 2)]).toEqual([2, Number.NaN]);
  });
});

describe("paths", () => {
  test("go from token to token, the largest at the top", () => {
    expect(sparkPath(floats(0, 2, 1), 2)).toEqual({
      width: 3,
      line: "M0.5 1L1.5 0L2.5 0.5",
      area: "M0.5 1L1.5 0L2.5 0.5L2.5 1L0.5 1Z",
    });
  });

  test("values beyond the top are cut off there", () => {
    expect(sparkPath(floats(5, -1), 2).line).toBe("M0.5 0L1.5 1");
  });

  test("a factor that never fires is a flat line", () => {
    expect(sparkPath(floats(0, 0), 0).line).toBe("M0.5 1L1.5 1");
  });

  test("a single token is seen", () => {
    expect(sparkPath(floats(1), 2)).toEqual({ width: 1, line: "M0 0.5H1", area: "M0.5 0.5L0.5 1L0.5 1Z" });
  });

  test("gaps are gaps", () => {
    expect(sparkPath(floats(1, Number.NaN, 1, 1), 1).line).toBe("M0 0H1M2.5 0L3.5 0");
    expect(sparkPath(floats(Number.NaN), 1)).toEqual({ width: 1, line: "", area: "" });
    expect(sparkPath(floats(), 1)).toEqual({ width: 1, line: "", area: "" });
  });
});
