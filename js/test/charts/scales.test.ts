import { expect, test } from "vitest";
import { LEVELS } from "../../src/charts/palettes";
import { levelOf, levelsOf, maxAbs } from "../../src/charts/scales";

test("the largest absolute value counts, NaN does not", () => {
  expect(maxAbs([0.2, -0.5, Number.NaN])).toBe(0.5);
  expect(maxAbs([])).toBe(0);
  expect(maxAbs([Number.NaN])).toBe(0);
});

test("levels span the domain on both sides of zero", () => {
  expect(levelOf(0.5, 0.5)).toBe(LEVELS);
  expect(levelOf(-0.5, 0.5)).toBe(-LEVELS);
  expect(levelOf(0.9, 0.5)).toBe(LEVELS);
  expect(levelOf(0.25, 0.5)).toBe(Math.round(LEVELS / 2));
});

test("a faint share differs from none", () => {
  expect(levelOf(1e-9, 1)).toBe(1);
  expect(levelOf(-1e-9, 1)).toBe(-1);
  expect(levelOf(0, 1)).toBe(0);
});

test("nothing is coloured without a domain or a value", () => {
  expect(levelOf(0.3, 0)).toBe(0);
  expect(levelOf(0.3, Number.NaN)).toBe(0);
  expect(levelOf(Number.NaN, 1)).toBe(0);
});

test("a row is turned into levels in place, missing values into none", () => {
  const out = new Int16Array(4).fill(9);
  expect([...levelsOf(Float32Array.of(1, -0.5, Number.NaN), 1, out)]).toEqual([63, -32, 0, 0]);
});
