/**
 * Light or dark? The host's word where it gives one, else the brightness of what is behind the element, else the system's
 * preference; watched for change.
 */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { luminance, parseRgb, type Theme } from "../charts/color";
import { onAbort } from "./listen";

/** Brightness below which a background counts as dark. */
const DARK_BELOW = 0.22;

function behind(el: Element): Theme | null {
  for (let node: Element | null = el; node; node = node.parentElement) {
    const color = parseRgb(getComputedStyle(node).backgroundColor);
    if (color && color.alpha > 0.5) return luminance(color.rgb) < DARK_BELOW ? "dark" : "light";
  }
  return null;
}

/** The theme around an element now. */
export function detectTheme(el: Element): Theme {
  const { body, documentElement } = document;
  // VS Code paints widgets' background white in dark themes too: its word counts, not the brightness.
  const vscode = body.dataset.vscodeThemeKind ?? body.dataset.vscodeThemeId ?? "";
  if (vscode) return /dark|high-contrast(?!-light)/.test(vscode) ? "dark" : "light";
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  const parent = el.parentElement;
  const seen = parent ? behind(parent) : null;
  if (seen) return seen;
  if (getComputedStyle(documentElement).colorScheme === "dark") return "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The theme around an element, kept up to date until the signal aborts. */
export function watchTheme(el: Element, ended: AbortSignal): ReadonlySignal<Theme> {
  const theme = signal<Theme>(detectTheme(el));
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const update = () => {
    theme.value = detectTheme(el);
  };
  // A host swaps style sheets after it has changed its attributes: look again when they have arrived.
  const changed = () => {
    update();
    for (const delay of [60, 400]) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        update();
      }, delay);
      timers.add(timer);
    }
  };
  const observer = new MutationObserver(changed);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal: ended });
  // Hosts render before they attach; only attached elements have something behind them.
  const attached = new ResizeObserver(update);
  attached.observe(el);
  onAbort(ended, () => {
    observer.disconnect();
    attached.disconnect();
    for (const timer of timers) clearTimeout(timer);
  });
  return theme;
}
