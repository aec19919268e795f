import { describe, expect, test } from "vitest";
import {
  cellAt,
  cellBox,
  inSight,
  type LayoutInput,
  layOut,
  rowHeight,
  scrollTo,
} from "../../../src/ui/heatmap/layout";

const AT_START = { x: 0, y: 0 };

const lay = (changes: Partial<LayoutInput> = {}) =>
  layOut({
    rows: 6,
    columns: 20,
    width: 1080,
    pixelRatio: 1,
    rowLabel: 38,
    columnLabel: 30,
    lastColumnLabel: 30,
    number: 24,
    fit: false,
    ...changes,
  });

describe("room", () => {
  test("few columns are no wider than they need to be", () => {
    expect(lay({ columns: 3 }).cellWidth).toBe(46);
    expect(lay({ columns: 1 })).toMatchObject({ cellWidth: 46, numbers: true, turned: false });
  });

  test("few columns make room for their labels", () => {
    const layout = lay({ columns: 12, columnLabel: 52 });
    expect(layout.cellWidth).toBe(58);
    expect(layout.turned).toBe(false);
  });

  test("columns share the width while their numbers fit", () => {
    const layout = lay({ columns: 30 });
    expect(layout.cellWidth).toBe(34);
    expect(layout.width).toBeLessThanOrEqual(1080);
    expect(layout.numbers).toBe(true);
  });

  test("more columns than that scroll, wide enough for numbers", () => {
    const layout = lay({ columns: 200, rows: 48 });
    expect(layout).toMatchObject({ cellWidth: 34, numbers: true, columnStep: 1 });
    expect(layout.width).toBeGreaterThan(6000);
  });

  test("unless all are to be seen at once: then without numbers", () => {
    const layout = lay({ columns: 200, fit: true });
    expect(layout.cellWidth).toBe(5);
    expect(layout.numbers).toBe(false);
    expect(layout.width).toBeLessThanOrEqual(1080);
    expect(layout.columnStep * layout.cellWidth).toBeGreaterThanOrEqual(20);
    expect(layout.gap).toBeLessThan(1.5);
  });

  test("thousands of columns keep a width one can see", () => {
    expect(lay({ columns: 2000, fit: true }).cellWidth).toBe(3);
  });

  test("long labels are turned, and have room above and beside", () => {
    const layout = lay({ columnLabel: 90, lastColumnLabel: 90 });
    expect(layout.turned).toBe(true);
    expect(layout.top).toBeGreaterThan(52);
    expect(layout.left + layout.columns * layout.cellWidth).toBeLessThan(layout.width - 20);
    expect(layout.width).toBeLessThanOrEqual(1080);
  });

  test("the more rows, the lower", () => {
    const heights = [1, 6, 14, 24, 32, 48, 64, 126].map(rowHeight);
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
    expect(lay({ rows: 48 }).height).toBeLessThan(720);
    expect(lay({ rows: 126 }).numbers).toBe(false);
  });

  test.each([1, 1.25, 1.5, 2, 3])("cells lie on whole device pixels at %d", (pixelRatio) => {
    for (const columns of [7, 23, 200]) {
      const { left, top, cellWidth, cellHeight, gap } = lay({ pixelRatio, columns, fit: columns === 200 });
      for (const length of [left, top, cellWidth, cellHeight, gap]) {
        expect(Math.abs(length * pixelRatio - Math.round(length * pixelRatio))).toBeLessThan(1e-6);
      }
    }
  });
});

describe("finding cells", () => {
  const layout = lay({ columns: 200 });

  test("a cell's box holds the points that lead to it", () => {
    for (const scroll of [AT_START, { x: 777, y: 3 }]) {
      const cell = { row: 4, column: 31 };
      const { x, y, width, height } = cellBox(layout, cell, scroll);
      expect(cellAt(layout, x + 1, y + 1, scroll)).toEqual(x < layout.left ? null : cell);
      expect(cellAt(layout, x + width - 1, y + height - 1, scroll)).toEqual(x < layout.left ? null : cell);
    }
  });

  test("labels above belong to their columns, those at the side to no cell", () => {
    expect(cellAt(layout, layout.left + 1, layout.top - 1, AT_START)).toEqual({ row: -1, column: 0 });
    expect(cellAt(layout, layout.left - 1, layout.top + 1, AT_START)).toBeNull();
    expect(cellAt(layout, layout.left + 1, layout.height + 1, AT_START)).toBeNull();
    expect(cellAt(lay({ columns: 2 }), 1000, 60, AT_START)).toBeNull();
  });

  test("what is in sight", () => {
    expect(inSight(0, 100, 34, 200)).toEqual([0, 3]);
    expect(inSight(35, 100, 34, 200)).toEqual([1, 4]);
    expect(inSight(6700, 100, 34, 200)).toEqual([197, 200]);
    expect(inSight(0, 100, 34, 0)).toEqual([0, 0]);
  });

  test("scrolling goes as far as it must", () => {
    expect(scrollTo(0, 100, 40, 20, 5)).toBe(0);
    expect(scrollTo(0, 100, 90, 20, 5)).toBe(15);
    expect(scrollTo(200, 100, 90, 20, 5)).toBe(85);
    expect(scrollTo(200, 100, 2, 20, 5)).toBe(0);
  });
});
