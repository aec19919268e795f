import { describe, expect, test } from "vitest";
import { contrast, luminance, parseRgb, type Theme } from "../../src/charts/color";
import type { Rgb } from "../../src/charts/oklab";
import { type SequentialName, STEPS, sequentialTable, stepOf } from "../../src/charts/sequential";

function rgb(color: string | undefined): Rgb {
  const parsed = parseRgb(color ?? "");
  if (!parsed) throw new Error(`not a colour: ${color}`);
  return parsed.rgb;
}

const PAGES: Record<Theme, Rgb> = { light: [255, 255, 255], dark: [21, 24, 29] };

describe.each<[SequentialName, Theme]>(
  (["violet", "amber", "teal"] as const).flatMap((name) =>
    (["light", "dark"] as const).map((theme): [SequentialName, Theme] => [name, theme]),
  ),
)("%s, %s", (name, theme) => {
  const table = sequentialTable(name, theme);

  test("numbers can be read on every step", () => {
    for (let step = 0; step < STEPS; step++) {
      expect(contrast(rgb(table.colors[step]), rgb(table.inks[step])), `step ${step}`).toBeGreaterThan(4.3);
    }
  });

  test("stronger is further from the page, step by step", () => {
    const sign = theme === "light" ? -1 : 1;
    const order = table.colors.map((color) => sign * luminance(rgb(color)));
    for (let i = 1; i < order.length; i++) expect(order[i]).toBeGreaterThanOrEqual(order[i - 1] ?? 0);
    expect(contrast(rgb(table.colors.at(-1)), PAGES[theme])).toBeGreaterThan(6);
  });

  test("the weakest step still differs from the page, but hardly", () => {
    const found = contrast(rgb(table.colors[0]), PAGES[theme]);
    expect(found).toBeGreaterThan(1.03);
    expect(found).toBeLessThan(1.2);
  });

  test("pixels are the colours", () => {
    for (const step of [0, 17, STEPS - 1]) {
      const [red, green, blue] = rgb(table.colors[step]);
      const pixel = table.pixels[step] ?? 0;
      expect([pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255, pixel >>> 24]).toEqual([red, green, blue, 255]);
    }
  });
});

test("a table is made once", () => {
  expect(sequentialTable("violet", "dark")).toBe(sequentialTable("violet", "dark"));
});

test("strengths outside are cut off, NaN has no step", () => {
  expect([-1, 0, 0.5, 1, 7, Number.NaN].map(stepOf)).toEqual([0, 0, 64, STEPS - 1, STEPS - 1, -1]);
});
