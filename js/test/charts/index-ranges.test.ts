import { expect, test } from "vitest";
import { describeRanges, rangeBetween, toggled } from "../../src/charts/index-ranges";

test("layers are told as ranges", () => {
  expect(describeRanges([0, 1, 2])).toBe("0–2");
  expect(describeRanges([0, 1, 2, 5, 7, 8])).toBe("0–2, 5, 7–8");
  expect(describeRanges([])).toBe("");
});

test("a range goes both ways", () => {
  expect(rangeBetween(4, 2)).toEqual([2, 3, 4]);
  expect(rangeBetween(3, 3)).toEqual([3]);
});

test("one layer is added or taken away, the last one stays", () => {
  expect(toggled([0, 4], 2)).toEqual([0, 2, 4]);
  expect(toggled([0, 2, 4], 2)).toEqual([0, 4]);
  expect(toggled([4], 4)).toEqual([4]);
});
