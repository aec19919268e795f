import { describe, expect, test } from "vitest";
import { contrast, luminance, parseRgb, type Theme } from "../../src/charts/color";
import { along, css, mix, type Rgb } from "../../src/charts/oklab";
import { colorTable, LEVELS, type RampName } from "../../src/charts/palettes";

const INK: Record<Theme, Rgb> = { light: [31, 35, 40], dark: [230, 233, 238] };

function rgb(color: string): Rgb {
  const parsed = parseRgb(color);
  if (!parsed) throw new Error(`not a colour: ${color}`);
  return parsed.rgb;
}

describe("mixing", () => {
  test("keeps the ends", () => {
    expect(mix([10, 20, 30], [200, 100, 50], 0)).toEqual([10, 20, 30]);
    expect(mix([10, 20, 30], [200, 100, 50], 1)).toEqual([200, 100, 50]);
  });

  test("goes from stop to stop", () => {
    const stops: Rgb[] = [
      [255, 255, 255],
      [255, 0, 0],
      [0, 0, 0],
    ];
    expect(along(stops, 0.5)).toEqual([255, 0, 0]);
    expect(along(stops, 7)).toEqual([0, 0, 0]);
    expect(along(stops, -1)).toEqual([255, 255, 255]);
  });
});

describe.each<[RampName, Theme]>([
  ["ember", "light"],
  ["ember", "dark"],
  ["diverging", "light"],
  ["diverging", "dark"],
])("%s, %s", (ramp, theme) => {
  const table = colorTable(ramp, theme);
  const levels = Array.from({ length: LEVELS }, (_, i) => i + 1);

  test("text can be read on every level", () => {
    const all = ramp === "ember" ? levels : [...levels, ...levels.map((level) => -level)];
    for (const level of all) {
      const ink = table.ink[level + LEVELS] || css(INK[theme]);
      const background = table.background[level + LEVELS] ?? "";
      expect(contrast(rgb(background), rgb(ink)), `level ${level}`).toBeGreaterThan(3.9);
    }
  });

  test("more is further from the page, step by step", () => {
    const sign = theme === "light" ? -1 : 1;
    const lightness = levels.map((level) => sign * luminance(rgb(table.background[level + LEVELS] ?? "")));
    for (let i = 1; i < lightness.length; i++) expect(lightness[i]).toBeGreaterThanOrEqual(lightness[i - 1] ?? 0);
  });

  test("nothing has no colour", () => {
    expect(table.background[LEVELS]).toBe("");
  });
});

test("small values melt into the page they stand on", () => {
  const page: Rgb = [40, 40, 60];
  const first = rgb(colorTable("ember", "dark", page).background[LEVELS + 1] ?? "");
  expect(contrast(first, page)).toBeLessThan(1.1);
});

test("parseRgb reads what computed styles say", () => {
  expect(parseRgb("rgb(1, 2, 3)")).toEqual({ rgb: [1, 2, 3], alpha: 1 });
  expect(parseRgb("rgba(1, 2, 3, 0.5)")).toEqual({ rgb: [1, 2, 3], alpha: 0.5 });
  expect(parseRgb("rgb(1 2 3 / 0.25)")).toEqual({ rgb: [1, 2, 3], alpha: 0.25 });
  expect(parseRgb("transparent")).toBeNull();
});
