/** Colours as computed styles give them, and how bright they are. */
import type { Rgb } from "./oklab";

export type Theme = "light" | "dark";

/** Parses `rgb(r, g, b)` or `rgba(r, g, b, a)`; null for anything else. */
export function parseRgb(css: string): { rgb: Rgb; alpha: number } | null {
  const numbers = /^rgba?\(([^)]*)\)$/
    .exec(css.trim())?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  if (!numbers || numbers.length < 3 || numbers.some(Number.isNaN)) return null;
  const [red = 0, green = 0, blue = 0, alpha = 1] = numbers;
  return { rgb: [red, green, blue], alpha };
}

/** Relative luminance (WCAG 2) of 0..255 sRGB components: 0 is black, 1 is white. */
export function luminance([red, green, blue]: Rgb): number {
  const linear = (component: number) => {
    const x = component / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** Contrast ratio (WCAG 2) of two colours: 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [first, second] = [luminance(a), luminance(b)];
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}
