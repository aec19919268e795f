import { describe, expect, test } from "vitest";
import { type RowBatch, RowCache, readRows } from "../../src/views/attribution/rows";
import { rowsMessage } from "./fixtures";

describe("readRows", () => {
  test("reads rows as a message and as a trait bring them", () => {
    const batch = readRows(rowsMessage("s", [2, 4], 5), 5);
    expect(batch.rows.map(({ position }) => position)).toEqual([2, 4]);
    expect(batch.rows[1]?.values.length).toBe(5);
    expect(batch.rows[1]?.max).toBeCloseTo(0.25);
  });

  test("a missing gap is no gap", () => {
    const { gap: _, ...source } = rowsMessage("s", [2], 5);
    expect(readRows(source, 5).rows[0]?.gap).toBeNaN();
  });

  test("no rows are fine", () => {
    expect(readRows({ spec: "s", positions: [] }, 5).rows).toEqual([]);
  });

  test.each([
    [null, /must name their spec/],
    [{ positions: [1] }, /must name their spec/],
    [{ spec: "s", positions: 7 }, /positions must be an array/],
    [rowsMessage("s", [2], 4), /values must have shape \[1, 5\], got \[1, 4\]/],
    [{ ...rowsMessage("s", [2], 5), rank: [1, 2] }, /rank must have 1 values, got 2/],
  ])("what does not fit is refused: %#", (source, message) => {
    expect(() => readRows(source, 5)).toThrow(message);
  });
});

describe("RowCache", () => {
  const batch = (spec: string, positions: number[]): RowBatch =>
    readRows({ ...rowsMessage(spec, positions, 10), spec }, 10);

  test("rows are found by spec and position", () => {
    const cache = new RowCache();
    cache.add(batch("a", [3, 4]));
    expect(cache.get("a", 4)?.position).toBe(4);
    expect(cache.get("b", 4)).toBeNull();
    expect(cache.get("a", 5)).toBeNull();
    expect(cache.get("a", null)).toBeNull();
    expect(cache.count("a")).toBe(2);
  });

  test("the largest share of a spec spans its rows, from a position on if it has any there", () => {
    const cache = new RowCache();
    cache.add(batch("a", [8, 2]));
    expect(cache.max("a")).toBeCloseTo(0.5);
    expect(cache.max("a", 3)).toBeCloseTo(0.125);
    expect(cache.max("a", 9)).toBeCloseTo(0.5);
    expect(cache.max("b")).toBe(0);
  });

  test("over the limit the specs used longest ago go first", () => {
    const cache = new RowCache(5 * 40);
    cache.add(batch("old", [1, 2]));
    cache.add(batch("older", [1]));
    cache.add(batch("old", [3]));
    cache.add(batch("new", [1, 2]));
    expect(["older", "old", "new"].map((spec) => cache.count(spec))).toEqual([0, 3, 2]);
  });

  test("over the limit a single spec loses its oldest rows", () => {
    const cache = new RowCache(3 * 40);
    cache.add(batch("a", [1, 2, 3, 4, 5]));
    expect([1, 2, 3, 4, 5].filter((p) => cache.get("a", p))).toEqual([3, 4, 5]);
  });

  test("a row that comes again is not counted twice", () => {
    const cache = new RowCache(3 * 40);
    for (let i = 0; i < 9; i++) cache.add(batch("a", [1, 2, 3]));
    expect(cache.count("a")).toBe(3);
  });
});
