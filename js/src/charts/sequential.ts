/**
 * Sequential ramps for cells with a number in them: violet for how much a token is favoured, amber for how undecided a
 * prediction is, teal for how far it is from the last one, moss for how much a neuron fires. Strong is far from the page in both
 * themes. `signed` has zero in the middle: blue below, orange above.
 */
import { contrast, type Theme } from "./color";
import { along, css, type Rgb } from "./oklab";
import { type ColorTable, LEVELS } from "./palettes";

/** Steps of a ramp; more than an eye tells apart. */
export const STEPS = 128;

export type SequentialName = "violet" | "amber" | "teal" | "moss" | "signed";

export interface SequentialTable {
  /** (STEPS,) the colours as pixels of an `ImageData`: red in the lowest byte, opaque. */
  readonly pixels: Uint32Array;
  readonly colors: readonly string[];
  /** (STEPS,) the text colour that reads better on each of them. */
  readonly inks: readonly string[];
  /** A CSS gradient from weak to strong, for legends. */
  readonly gradient: string;
}

const DARK_INK: Rgb = [13, 12, 20];
const LIGHT_INK: Rgb = [255, 255, 255];

const STOPS: Readonly<Record<Theme, Readonly<Record<SequentialName, readonly Rgb[]>>>> = {
  light: {
    violet: [
      [246, 245, 252],
      [222, 214, 242],
      [182, 162, 224],
      [133, 103, 196],
      [84, 52, 148],
    ],
    amber: [
      [252, 246, 236],
      [252, 222, 182],
      [243, 178, 112],
      [211, 117, 44],
      [143, 67, 16],
    ],
    teal: [
      [240, 247, 247],
      [196, 228, 227],
      [128, 192, 194],
      [58, 138, 146],
      [20, 84, 95],
    ],
    moss: [
      [248, 249, 246],
      [222, 230, 214],
      [170, 192, 154],
      [104, 136, 90],
      [46, 74, 40],
    ],
    signed: [
      [32, 82, 150],
      [108, 164, 224],
      [206, 226, 246],
      [249, 249, 250],
      [252, 220, 182],
      [238, 150, 76],
      [160, 76, 16],
    ],
  },
  dark: {
    violet: [
      [32, 28, 48],
      [66, 44, 112],
      [118, 73, 170],
      [176, 123, 222],
      [228, 194, 252],
    ],
    amber: [
      [40, 32, 25],
      [84, 54, 27],
      [148, 87, 32],
      [214, 137, 60],
      [254, 208, 145],
    ],
    teal: [
      [24, 37, 41],
      [25, 70, 77],
      [36, 112, 119],
      [82, 168, 171],
      [178, 230, 226],
    ],
    moss: [
      [27, 31, 30],
      [45, 62, 44],
      [80, 114, 74],
      [138, 180, 122],
      [214, 240, 196],
    ],
    signed: [
      [166, 206, 252],
      [76, 138, 214],
      [34, 66, 108],
      [28, 32, 38],
      [96, 60, 28],
      [200, 122, 46],
      [254, 204, 140],
    ],
  },
};

function pixel([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

const tables = new Map<string, SequentialTable>();

/** The table of a ramp (made once). */
export function sequentialTable(name: SequentialName, theme: Theme): SequentialTable {
  const key = `${name} ${theme}`;
  let table = tables.get(key);
  if (!table) {
    const stops = STOPS[theme][name];
    const ramp = Array.from({ length: STEPS }, (_, step) => along(stops, step / (STEPS - 1)));
    table = {
      pixels: Uint32Array.from(ramp, pixel),
      colors: ramp.map(css),
      inks: ramp.map((color) => css(contrast(color, DARK_INK) >= contrast(color, LIGHT_INK) ? DARK_INK : LIGHT_INK)),
      gradient: `linear-gradient(90deg, ${stops.map(css).join(", ")})`,
    };
    tables.set(key, table);
  }
  return table;
}

/** The step of a strength (0 is weak, 1 is strong; beyond is cut off); -1 for NaN. */
export function stepOf(strength: number): number {
  if (Number.isNaN(strength)) return -1;
  return Math.round(Math.min(1, Math.max(0, strength)) * (STEPS - 1));
}

/** How far along the ramp a faded colour goes. */
const FADE = 0.42;

const levelTables = new Map<string, ColorTable>();

/** The ramp as a table of levels for the token strip; below zero only `signed` has colours. */
export function levelTable(name: SequentialName, theme: Theme): ColorTable {
  const key = `${name} ${theme}`;
  let table = levelTables.get(key);
  if (!table) {
    const { colors, inks, gradient } = sequentialTable(name, theme);
    const signed = name === "signed";
    const levels = Array.from({ length: 2 * LEVELS + 1 }, (_, i) => (i - LEVELS) / LEVELS);
    const pick = (from: readonly string[], share: number) => {
      if (share === 0 || (share < 0 && !signed)) return "";
      return from[stepOf(signed ? 0.5 + share / 2 : share)] ?? "";
    };
    table = {
      background: levels.map((share) => pick(colors, share)),
      faded: levels.map((share) => pick(colors, FADE * share)),
      ink: levels.map((share) => pick(inks, share)),
      gradient,
    };
    levelTables.set(key, table);
  }
  return table;
}
