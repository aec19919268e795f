/** Which token a key leads to. */
import type { Box } from "./geometry";

export type KeyAction =
  | { readonly kind: "step"; readonly by: 1 | -1; readonly inspect: boolean }
  | { readonly kind: "line"; readonly by: 1 | -1 }
  | { readonly kind: "edge"; readonly to: "first" | "last" }
  | { readonly kind: "pin" }
  | { readonly kind: "free" };

interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** What a key means in the strip; null for keys that belong to the host (Shift+Enter runs a cell, Ctrl+S saves). */
export function keyAction({ key, shiftKey, ctrlKey, metaKey, altKey }: Key): KeyAction | null {
  if (ctrlKey || metaKey || altKey) return null;
  if (key === "ArrowLeft") return { kind: "step", by: -1, inspect: shiftKey };
  if (key === "ArrowRight") return { kind: "step", by: 1, inspect: shiftKey };
  if (shiftKey) return null;
  switch (key) {
    case "ArrowUp":
      return { kind: "line", by: -1 };
    case "ArrowDown":
      return { kind: "line", by: 1 };
    case "Home":
      return { kind: "edge", to: "first" };
    case "End":
      return { kind: "edge", to: "last" };
    case "Enter":
    case " ":
      return { kind: "pin" };
    case "Escape":
      return { kind: "free" };
    default:
      return null;
  }
}

/** The next token in a direction that satisfies the condition; the same one if there is none. */
export function step(from: number, by: 1 | -1, length: number, allowed: (i: number) => boolean): number {
  for (let i = from + by; i >= 0 && i < length; i += by) if (allowed(i)) return i;
  return from;
}

/** The allowed token of the next line whose middle is closest; the same one if there is none. */
export function lineStep(
  from: number,
  by: 1 | -1,
  length: number,
  box: (i: number) => Box | null,
  allowed: (i: number) => boolean,
): number {
  const start = box(from);
  if (!start) return from;
  const middle = start.x + start.width / 2;
  let line: number | null = null;
  let best = from;
  let distance = Number.POSITIVE_INFINITY;
  for (let i = from + by; i >= 0 && i < length; i += by) {
    const here = box(i);
    if (!here || Math.abs(here.y - start.y) < start.height / 2) continue;
    if (line === null) {
      if (!allowed(i)) continue;
      line = here.y;
    }
    if (Math.abs(here.y - line) > start.height / 2) break;
    const away = Math.abs(here.x + here.width / 2 - middle);
    if (allowed(i) && away < distance) {
      best = i;
      distance = away;
    }
  }
  return best;
}
