/** Chooses layers: a drag takes a range, a click adds or removes one, a double click takes it alone (or all again). */
import { useEffect, useRef, useState } from "preact/hooks";
import { describeRanges, rangeBetween, toggled } from "../charts/index-ranges";

interface BrushProps {
  /** Number of layers. */
  count: number;
  /** The chosen ones, ascending; null is all. */
  value: readonly number[] | null;
  disabled?: boolean;
  /** About one layer, shown when it is pointed at: `layer 3 · 1,024 neurons`. */
  title(layer: number): string;
  onChange(layers: readonly number[] | null): void;
}

/** Most pixels of all layers together, and of one. */
const WIDEST = 168;
const WIDEST_CELL = 16;
const NARROWEST_CELL = 4;

export function LayerBrush({ count, value, disabled = false, title, onChange }: BrushProps) {
  const all = Array.from({ length: count }, (_, layer) => layer);
  const chosen = value ?? all;
  const [focused, setFocused] = useState(0);
  const [pointed, setPointed] = useState<number | null>(null);
  const root = useRef<HTMLDivElement>(null);
  /** Where the drag (or the range of the keyboard) began. */
  const anchor = useRef<number | null>(null);
  const dragged = useRef(false);
  const last = useRef("");
  const width = Math.max(NARROWEST_CELL, Math.min(WIDEST_CELL, Math.floor(WIDEST / Math.max(1, count))));

  const change = (layers: readonly number[]) => {
    const key = layers.join();
    if (key === last.current) return;
    last.current = key;
    onChange(layers.length === count ? null : layers);
  };
  useEffect(() => {
    last.current = (value ?? all).join();
  });
  const at = (event: PointerEvent) => {
    const box = root.current?.getBoundingClientRect();
    if (!box || box.width === 0) return 0;
    const share = (event.clientX - box.left) / box.width;
    return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  };
  const pressed = (event: PointerEvent) => {
    if (disabled || event.button !== 0) return;
    anchor.current = at(event);
    dragged.current = false;
    root.current?.setPointerCapture(event.pointerId);
  };
  const moved = (event: PointerEvent) => {
    const layer = at(event);
    setPointed(layer);
    if (anchor.current === null || (layer === anchor.current && !dragged.current)) return;
    dragged.current = true;
    change(rangeBetween(anchor.current, layer));
  };
  const released = (event: PointerEvent) => {
    const layer = at(event);
    if (anchor.current !== null && !dragged.current) change(toggled(chosen, layer));
    setFocused(layer);
    anchor.current = null;
  };
  const alone = (event: MouseEvent) => {
    const layer = at(event as PointerEvent);
    if (disabled) return;
    change(chosen.length === 1 && chosen[0] === layer ? all : [layer]);
  };
  const keys = (event: KeyboardEvent) => {
    if (disabled || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowLeft: focused - 1, ArrowRight: focused + 1, Home: 0, End: count - 1 }[event.key];
    if (to !== undefined) {
      const layer = Math.min(count - 1, Math.max(0, to));
      if (event.shiftKey) {
        anchor.current ??= focused;
        change(rangeBetween(anchor.current, layer));
      } else anchor.current = null;
      setFocused(layer);
      root.current?.querySelectorAll<HTMLElement>(".ew-brush-cell")[layer]?.focus();
    } else if ((event.key === " " || event.key === "Enter") && !event.shiftKey) change(toggled(chosen, focused));
    else if (event.key === "a") change(all);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const words = chosen.length === count ? "all" : describeRanges(chosen);
  return (
    <span class="ew-brush">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset brings styles that hosts change in many ways. */}
      <div
        ref={root}
        class="ew-brush-track"
        role="group"
        aria-label="layers"
        aria-disabled={disabled}
        title="drag for a range, click for one layer, double click for it alone"
        onPointerDown={pressed}
        onPointerMove={moved}
        onPointerUp={released}
        onPointerCancel={() => {
          anchor.current = null;
        }}
        onPointerLeave={() => setPointed(null)}
        onDblClick={alone}
        onKeyDown={keys}
      >
        {all.map((layer) => (
          // biome-ignore lint/a11y/useSemanticElements: cells of one control, a few pixels wide.
          <span
            key={layer}
            class="ew-brush-cell"
            role="checkbox"
            aria-checked={chosen.includes(layer)}
            aria-label={title(layer)}
            data-layer={layer}
            tabIndex={layer === Math.min(focused, count - 1) ? 0 : -1}
            style={{ width: `${width}px` }}
          />
        ))}
      </div>
      <span class="ew-brush-words">{pointed !== null && count > 1 ? `layer ${pointed}` : words}</span>
    </span>
  );
}
