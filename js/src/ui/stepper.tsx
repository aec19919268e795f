/** A small whole number: a slider to drag, a field to type, arrow keys in both. */
import { useEffect, useState } from "preact/hooks";

interface StepperProps {
  label: string;
  value: number;
  least: number;
  most: number;
  title?: string;
  /** Without the slider, where there is little room. */
  compact?: boolean;
  disabled?: boolean;
  onChange(value: number): void;
}

/** A number as it was typed; null if it is none, else inside the limits. */
export function typedNumber(text: string, least: number, most: number): number | null {
  if (!/^\s*\d+\s*$/.test(text)) return null;
  return Math.min(most, Math.max(least, Number(text)));
}

const STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

export function Stepper({ label, value, least, most, title, compact, disabled = false, onChange }: StepperProps) {
  const [draft, setDraft] = useState(String(value));
  useEffect(() => setDraft(String(value)), [value]);
  const change = (wanted: number) => {
    const next = Math.min(most, Math.max(least, wanted));
    if (next !== value) onChange(next);
  };
  const typed = (text: string) => {
    setDraft(text);
    const number = typedNumber(text, least, most);
    if (number !== null) change(number);
  };
  return (
    <span class="ew-stepper" title={title}>
      {!compact && (
        <input
          class="ew-slider"
          type="range"
          aria-label={`${label}, slider`}
          min={least}
          max={most}
          step={1}
          value={value}
          disabled={disabled}
          style={{ "--ew-fill": `${(100 * (value - least)) / Math.max(1, most - least)}%` }}
          onInput={(event) => change(Number(event.currentTarget.value))}
        />
      )}
      <input
        class="ew-number"
        type="text"
        inputMode="numeric"
        role="spinbutton"
        aria-label={label}
        aria-valuenow={value}
        aria-valuemin={least}
        aria-valuemax={most}
        autocomplete="off"
        size={2}
        style={most > 99 ? { width: `calc(${String(most).length}ch + 15px)` } : {}}
        value={draft}
        disabled={disabled}
        onInput={(event) => typed(event.currentTarget.value)}
        onBlur={() => setDraft(String(value))}
        onKeyDown={(event) => {
          event.stopPropagation();
          const by = STEPS[event.key];
          if (by === undefined) return;
          event.preventDefault();
          change(value + by);
        }}
      />
    </span>
  );
}
