/** A whole number without a usual range, or none: a field to type, a step down, a step up. */
import { useEffect, useState } from "preact/hooks";
import { typedNumber } from "./stepper";

interface CounterProps {
  label: string;
  /** null: none is chosen. */
  value: number | null;
  least: number;
  most: number;
  title?: string;
  /** What stands in the empty field. */
  placeholder?: string;
  disabled?: boolean;
  onChange(value: number): void;
}

export function Counter({ label, value, least, most, title, placeholder, disabled = false, onChange }: CounterProps) {
  const written = value === null ? "" : String(value);
  const [draft, setDraft] = useState(written);
  useEffect(() => setDraft(written), [written]);
  const change = (wanted: number) => {
    const next = Math.min(most, Math.max(least, wanted));
    if (next !== value && !disabled) onChange(next);
  };
  /** From none the first step leads to an end. */
  const step = (by: 1 | -1) => change(value === null ? (by > 0 ? least : most) : value + by);
  const button = (by: 1 | -1, name: string) => (
    <button
      type="button"
      class="ew-icon-button ew-step"
      aria-label={`${name} ${label}`}
      disabled={disabled || (value !== null && (by < 0 ? value <= least : value >= most))}
      onClick={() => step(by)}
    >
      {by < 0 ? "‹" : "›"}
    </button>
  );
  return (
    <span class="ew-counter" title={title}>
      {button(-1, "previous")}
      <input
        class="ew-number"
        type="text"
        inputMode="numeric"
        role="spinbutton"
        aria-label={label}
        {...(value === null ? {} : { "aria-valuenow": value })}
        aria-valuemin={least}
        aria-valuemax={most}
        autocomplete="off"
        style={{ width: `calc(${Math.max(2, draft.length, placeholder?.length ?? 0)}ch + 16px)` }}
        value={draft}
        placeholder={placeholder}
        disabled={disabled}
        onInput={(event) => {
          setDraft(event.currentTarget.value);
          const number = typedNumber(event.currentTarget.value, least, most);
          if (number !== null) change(number);
        }}
        onBlur={() => setDraft(written)}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
          event.preventDefault();
          step(event.key === "ArrowUp" ? 1 : -1);
        }}
      />
      {button(1, "next")}
    </span>
  );
}
