/**
 * Colour tables: one sequential ramp (ember) for *how much*, one diverging ramp for signed values, in a light and a dark
 * variant, each level with a text colour that can be read on it.
 */
import { contrast, type Theme } from "./color";
import { along, css, type Rgb } from "./oklab";

/** Levels on each side of zero; level 0 is no colour at all. */
export const LEVELS = 63;

export type RampName = "ember" | "diverging";

export interface ColorTable {
  /** Background of level k at index `k + LEVELS`, k from -LEVELS to LEVELS; "" at level 0. */
  readonly background: readonly string[];
  /** The same, faded towards the page: values of a row that is being replaced. */
  readonly faded: readonly string[];
  /** "" where the ordinary text colour reads well, else the other ink. */
  readonly ink: readonly string[];
  /** A CSS gradient of the whole ramp, for legends. */
  readonly gradient: string;
}

interface Variant {
  readonly page: Rgb;
  readonly ink: Rgb;
  readonly otherInk: Rgb;
  readonly positive: readonly Rgb[];
  readonly negative: readonly Rgb[];
}

const VARIANTS: Readonly<Record<Theme, Variant>> = {
  light: {
    page: [255, 255, 255],
    ink: [31, 35, 40],
    otherInk: [255, 255, 255],
    positive: [
      [254, 237, 214],
      [253, 207, 153],
      [246, 163, 90],
      [226, 112, 38],
    ],
    negative: [
      [228, 239, 252],
      [180, 211, 245],
      [122, 175, 232],
      [88, 150, 222],
    ],
  },
  dark: {
    page: [21, 24, 29],
    ink: [230, 233, 238],
    otherInk: [20, 16, 12],
    positive: [
      [58, 42, 30],
      [108, 65, 28],
      [172, 95, 32],
      [247, 158, 76],
    ],
    negative: [
      [30, 44, 64],
      [34, 70, 116],
      [48, 108, 180],
      [118, 178, 250],
    ],
  },
};

/** How far along the ramp a faded colour goes: mixing with the page instead would turn orange into pink. */
const FADE = 0.42;

/**
 * The colour table of a ramp.
 *
 * @param page The background the text stands on, so that small values melt into it.
 */
export function colorTable(ramp: RampName, theme: Theme, page: Rgb = VARIANTS[theme].page): ColorTable {
  const variant = VARIANTS[theme];
  const background: string[] = [];
  const faded: string[] = [];
  const ink: string[] = [];
  for (let level = -LEVELS; level <= LEVELS; level++) {
    if (level === 0 || (ramp === "ember" && level < 0)) {
      background.push("");
      faded.push("");
      ink.push("");
      continue;
    }
    const stops = [page, ...(level < 0 ? variant.negative : variant.positive)];
    const color = along(stops, Math.abs(level) / LEVELS);
    background.push(css(color));
    faded.push(css(along(stops, (FADE * Math.abs(level)) / LEVELS)));
    const readable = contrast(color, variant.ink) >= Math.min(4.5, contrast(color, variant.otherInk));
    ink.push(readable ? "" : css(variant.otherInk));
  }
  const positive = [page, ...variant.positive];
  const negative = [...variant.negative].reverse();
  const stops = ramp === "ember" ? positive : [...negative, ...positive];
  return { background, faded, ink, gradient: `linear-gradient(90deg, ${stops.map(css).join(", ")})` };
}
