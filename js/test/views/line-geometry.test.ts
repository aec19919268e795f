import { describe, expect, test } from "vitest";
import { layerAt, layerX, linePath, rankY, spreadLabels, tickStep } from "../../src/views/rankings-watch/line-geometry";

test("rank 1 is at the top, the worst at the bottom, equal ratios are equal steps", () => {
  expect(rankY(1, 10_000, 200)).toBe(0);
  expect(rankY(10_000, 10_000, 200)).toBeCloseTo(200);
  expect(rankY(100, 10_000, 200)).toBeCloseTo(100);
  expect(rankY(90_000, 10_000, 200)).toBeCloseTo(200);
});

test("layers span the width", () => {
  expect([0, 1, 2].map((layer) => layerX(layer, 3, 100))).toEqual([0, 50, 100]);
  expect(layerX(0, 1, 100)).toBe(50);
  expect([-20, 24, 26, 400].map((x) => layerAt(x, 3, 100))).toEqual([0, 0, 1, 2]);
});

describe("labels", () => {
  test("stay where they want to be if there is room", () => {
    expect(spreadLabels([50, 0, 100], 15, 0, 200)).toEqual([50, 0, 100]);
  });

  test("move apart around where they want to be, in their order", () => {
    expect(spreadLabels([50, 50, 53], 15, 0, 200)).toEqual([36, 51, 66]);
  });

  test("stay inside", () => {
    expect(spreadLabels([0, 0], 15, 2, 200)).toEqual([2, 17]);
    expect(spreadLabels([199, 200], 15, 0, 200)).toEqual([185, 200]);
  });

  test("are never nearer than the gap while there is room", () => {
    const wanted = Array.from({ length: 12 }, (_, i) => (i * 37) % 40);
    const found = spreadLabels(wanted, 15, 0, 220).sort((a, b) => a - b);
    for (let i = 1; i < found.length; i++) expect((found[i] ?? 0) - (found[i - 1] ?? 0)).toBeGreaterThan(15 - 1e-6);
    expect(found[0]).toBeGreaterThanOrEqual(0);
    expect(found.at(-1)).toBeLessThanOrEqual(220);
  });
});

test("ticks are as many as there is room for", () => {
  expect(tickStep(6, 600, 26)).toBe(1);
  expect(tickStep(48, 600, 26)).toBe(4);
  expect(tickStep(2, 5, 26)).toBe(10);
});

test("a line is interrupted where nothing is known", () => {
  const points: Array<[number, number]> = [
    [0, 1],
    [1, 2],
    [2, Number.NaN],
    [3, 4],
  ];
  expect(linePath(points)).toBe("M0.0 1.0L1.0 2.0M3.0 4.0");
});
