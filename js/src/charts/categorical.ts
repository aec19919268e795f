/**
 * Ten colours of things that are told apart (factors, clusters), and for each a ramp from the page to that colour: which one it
 * is says the hue, how strong it is says how far it is from the page.
 */

import { contrast, type Theme } from "./color";
import { css, mix, type Rgb } from "./oklab";
import { type ColorTable, LEVELS } from "./palettes";

/** Distinct colours; further things take them again. */
export const HUES = 10;
/** Steps from the page to a colour. */
export const HUE_STEPS = 24;

interface Variant {
  readonly page: Rgb;
  readonly ink: Rgb;
  readonly otherInk: Rgb;
  /** How far a strong value goes from the page: the text on it has to be read. */
  readonly reach: number;
  readonly hues: readonly Rgb[];
}

const VARIANTS: Readonly<Record<Theme, Variant>> = {
  light: {
    page: [255, 255, 255],
    ink: [31, 35, 40],
    otherInk: [255, 255, 255],
    reach: 0.9,
    hues: [
      [63, 116, 181],
      [222, 125, 24],
      [63, 145, 66],
      [160, 92, 168],
      [205, 66, 62],
      [42, 157, 151],
      [146, 104, 72],
      [214, 88, 146],
      [140, 142, 28],
      [96, 108, 126],
    ],
  },
  dark: {
    page: [21, 24, 29],
    ink: [230, 233, 238],
    otherInk: [13, 12, 20],
    reach: 0.82,
    hues: [
      [110, 168, 236],
      [242, 160, 75],
      [114, 194, 116],
      [205, 150, 218],
      [240, 127, 120],
      [95, 207, 198],
      [206, 164, 132],
      [240, 146, 192],
      [204, 204, 92],
      [160, 172, 190],
    ],
  },
};

export interface Categorical {
  /** (HUES,) CSS colours. */
  readonly colors: readonly string[];
  /** Levels of `categoricalLevel`; the token strip paints with it. */
  readonly table: ColorTable;
}

const known = new Map<Theme, Categorical>();

/** The colours of a theme (made once). */
export function categorical(theme: Theme): Categorical {
  let found = known.get(theme);
  if (!found) {
    found = build(VARIANTS[theme]);
    known.set(theme, found);
  }
  return found;
}

function build({ page, ink, otherInk, reach, hues }: Variant): Categorical {
  const nothing = new Array<string>(LEVELS + 1).fill("");
  const background = [...nothing];
  const faded = [...nothing];
  const inks = [...nothing];
  for (const hue of hues) {
    for (let step = 1; step <= HUE_STEPS; step++) {
      const color = mix(page, hue, (reach * step) / HUE_STEPS);
      background.push(css(color));
      faded.push(css(mix(page, hue, (0.4 * reach * step) / HUE_STEPS)));
      inks.push(contrast(color, ink) >= contrast(color, otherInk) ? "" : css(otherInk));
    }
  }
  return { colors: hues.map(css), table: { background, faded, ink: inks, gradient: "" } };
}

/** Strengths below this are no colour at all: a tint nobody can name. */
const FAINTEST = 0.5 / HUE_STEPS;

/**
 * The level of a strength (0 to 1) in the table.
 *
 * @param hue Any whole number: colours come again after `HUES`.
 */
export function categoricalLevel(hue: number, strength: number): number {
  if (!(strength >= FAINTEST)) return 0;
  const step = Math.min(HUE_STEPS, Math.max(1, Math.round(strength * HUE_STEPS)));
  return (((hue % HUES) + HUES) % HUES) * HUE_STEPS + step;
}

/** The dash pattern of a line: colours that come again differ by it. */
export function hueDash(hue: number): string {
  return ["", "5 2.5", "2 2", "7 2 2 2", "1 3"][Math.floor(hue / HUES) % 5] ?? "";
}
