/** Colours and fonts of the place a heat map stands in. Read at every paint: hosts swap style sheets without a word. */
import { parseRgb } from "../../charts/color";

export interface Appearance {
  readonly page: string;
  readonly ink: string;
  readonly soft: string;
  readonly accent: string;
  /** Cells without a value. */
  readonly empty: string;
  readonly family: string;
}

/** The first opaque background behind an element. */
function pageBehind(element: Element): string | null {
  for (let node: Element | null = element; node; node = node.parentElement) {
    const { backgroundColor } = getComputedStyle(node);
    if (parseRgb(backgroundColor)?.alpha === 1) return backgroundColor;
  }
  return null;
}

export function readAppearance(element: Element): Appearance {
  const style = getComputedStyle(element);
  const property = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise;
  const ink = style.color || "#1f2328";
  return {
    page: pageBehind(element) ?? property("--ew-bg", "#ffffff"),
    ink,
    soft: property("--ew-soft", ink),
    accent: property("--ew-accent", ink),
    empty: property("--ew-chip", "#f4f6f8"),
    family: style.fontFamily || "sans-serif",
  };
}
