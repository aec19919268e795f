/** A few choices side by side; those that don't fit are in a menu at the end. In narrow places all of them are. */
import type { ComponentChildren } from "preact";
import { type Choice, Menu } from "./menu";

interface SegmentedProps {
  label: string;
  choices: readonly Choice[];
  value: string;
  onChoose(name: string): void;
  /** Names of those that stand side by side; the others go into the menu. */
  visible?: readonly string[];
  /** Everything in one menu. */
  compact?: boolean;
}

export function Segmented({ label, choices, value, onChoose, visible, compact }: SegmentedProps) {
  const chosen = choices.find(({ name }) => name === value);
  if (compact) {
    return (
      <Menu label={label} choices={choices} value={value} onChoose={onChoose} className="ew-select">
        {chosen?.label ?? value}
        <Caret />
      </Menu>
    );
  }
  const others = visible ? choices.filter(({ name }) => !visible.includes(name)) : [];
  const hidden = others.find(({ name }) => name === value);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings styles that hosts change in many ways.
    <div class="ew-segmented" role="group" aria-label={label}>
      {choices
        .filter((choice) => !others.includes(choice))
        .map((choice) => (
          <Segment key={choice.name} choice={choice} chosen={choice.name === value} onChoose={onChoose} />
        ))}
      {others.length > 0 && (
        <Menu
          label={`${label}: more`}
          choices={others}
          value={value}
          onChoose={onChoose}
          className="ew-segment"
          pressed={Boolean(hidden)}
          title="more"
        >
          {hidden ? hidden.label : <span class="ew-more">⋯</span>}
          {hidden && <Caret />}
        </Menu>
      )}
    </div>
  );
}

interface SegmentProps {
  choice: Choice;
  chosen: boolean;
  onChoose(name: string): void;
  /** What it shows, if not the label alone. */
  children?: ComponentChildren;
}

export function Segment({ choice, chosen, onChoose, children }: SegmentProps) {
  return (
    <button
      type="button"
      class="ew-segment"
      aria-pressed={chosen}
      aria-disabled={Boolean(choice.unavailable)}
      title={choice.unavailable || choice.note}
      data-name={choice.name}
      onClick={() => !choice.unavailable && onChoose(choice.name)}
    >
      {children ?? choice.label}
    </button>
  );
}

export function Caret() {
  return <span class="ew-caret" aria-hidden="true" />;
}
