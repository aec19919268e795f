/** Which cell a key leads to. */
import type { Cell } from "./layout";

export type KeyAction =
  | { readonly kind: "go"; readonly to: Cell }
  | { readonly kind: "open" }
  | { readonly kind: "leave" };

interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** Columns that PageUp and PageDown move. */
const PAGE = 10;

/** What a key means in the map; null for keys that belong to the host (Shift+Enter runs a cell, Ctrl+S saves). */
export function keyAction(
  { key, shiftKey, ctrlKey, metaKey, altKey }: Key,
  from: Cell,
  size: { readonly rows: number; readonly columns: number },
): KeyAction | null {
  if (ctrlKey || metaKey || altKey || shiftKey) return null;
  const { row, column } = from;
  const go = (toRow: number, toColumn: number): KeyAction => ({
    kind: "go",
    to: {
      row: Math.min(size.rows - 1, Math.max(0, toRow)),
      column: Math.min(size.columns - 1, Math.max(0, toColumn)),
    },
  });
  switch (key) {
    case "ArrowLeft":
      return go(row, column - 1);
    case "ArrowRight":
      return go(row, column + 1);
    case "ArrowUp":
      return go(row - 1, column);
    case "ArrowDown":
      return go(row + 1, column);
    case "PageUp":
      return go(row, column - PAGE);
    case "PageDown":
      return go(row, column + PAGE);
    case "Home":
      return go(row, 0);
    case "End":
      return go(row, size.columns - 1);
    case "Enter":
    case " ":
      return { kind: "open" };
    case "Escape":
      return { kind: "leave" };
    default:
      return null;
  }
}
