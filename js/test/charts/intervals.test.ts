import { describe, expect, test } from "vitest";
import { formatCompact, formatShort } from "../../src/charts/compact";
import { largest, niceCeiling, rankStrength, rankTicks, ticksTo, worstRank } from "../../src/charts/intervals";

describe("ranks", () => {
  test("equal ratios are equal steps", () => {
    const strengths = [1, 10, 100, 1000, 10_000].map((rank) => rankStrength(rank, 10_000));
    for (const [i, expected] of [1, 0.75, 0.5, 0.25, 0].entries()) expect(strengths[i]).toBeCloseTo(expected, 12);
  });

  test("the scale ends at the vocabulary, or where ranks say no more", () => {
    expect([1, 300, 6144, 50_257].map(worstRank)).toEqual([2, 300, 6144, 10_000]);
    expect(rankTicks(6144)).toEqual([1, 10, 100, 1000]);
    expect(rankTicks(10_000)).toEqual([1, 10, 100, 1000, 10_000]);
  });
});

test.each([
  [0.31, 0.4],
  [1, 1],
  [1.01, 1.5],
  [6.77, 8],
  [9.1, 10],
  [62, 80],
  [0, 1],
  [Number.POSITIVE_INFINITY, 1],
])("the round number above %d is %d", (value, expected) => expect(niceCeiling(value)).toBe(expected));

test("ticks are round and end within", () => {
  expect(ticksTo(8.7, 4)).toEqual([0, 5]);
  expect(ticksTo(8.7, 5)).toEqual([0, 2, 4, 6, 8]);
  expect(ticksTo(0.3, 5)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(ticksTo(0, 5)).toEqual([0]);
});

test("the largest of what is finite", () => {
  expect(largest([1, Number.NaN, 4, Number.POSITIVE_INFINITY])).toBe(4);
  expect(largest([])).toBe(0);
});

test.each([
  [1, "1"],
  [834, "834"],
  [999, "999"],
  [1000, "1k"],
  [1234, "1.2k"],
  [9949, "9.9k"],
  [9960, "10k"],
  [55_678, "56k"],
  [999_400, "999k"],
  [999_600, "1M"],
  [1_260_000, "1.3M"],
  [Number.NaN, "–"],
])("%d in a cell is %s", (value, text) => expect(formatCompact(value)).toBe(text));

test.each([
  [0.34, "0.3"],
  [-0.04, "0.0"],
  [-4.14, "−4.1"],
  [-9.97, "−10"],
  [-12.4, "−12"],
  [104.2, "104"],
  [Number.NEGATIVE_INFINITY, "−∞"],
  [Number.NaN, "–"],
])("%d in a cell is %s", (value, text) => expect(formatShort(value)).toBe(text));
