/** A button that opens a list of choices, each with a note; unavailable ones say why. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { float } from "./float";

export interface Choice {
  readonly name: string;
  readonly label: string;
  readonly note?: string;
  /** Why it can't be chosen; empty if it can. */
  readonly unavailable?: string;
}

interface MenuProps {
  /** What is chosen here, for assistive technology. */
  label: string;
  choices: readonly Choice[];
  value: string;
  onChoose(name: string): void;
  /** What the button shows. */
  children: ComponentChildren;
  className?: string;
  pressed?: boolean;
  title?: string;
}

export function Menu({ label, choices, value, onChoose, children, className = "", pressed, title }: MenuProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) button.current?.focus();
  };
  const choose = (choice: Choice) => {
    if (choice.unavailable) return;
    close(true);
    onChoose(choice.name);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={`ew-menu-button ${className}`}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        aria-pressed={pressed}
        title={title}
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open && button.current && (
        <MenuList
          label={label}
          choices={choices}
          value={value}
          anchor={button.current}
          onChoose={choose}
          onClose={close}
        />
      )}
    </>
  );
}

interface MenuListProps {
  label: string;
  choices: readonly Choice[];
  value: string;
  anchor: HTMLElement;
  onChoose(choice: Choice): void;
  onClose(refocus: boolean): void;
}

function MenuList({ label, choices, value, anchor, onChoose, onClose }: MenuListProps) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!list.current) return;
    float(list.current, anchor.getBoundingClientRect(), "below", "start");
    const items = list.current.querySelectorAll<HTMLElement>("[role=menuitemradio]");
    const chosen = choices.findIndex(({ name }) => name === value);
    items[Math.max(0, chosen)]?.focus({ preventScroll: true });
  }, [anchor, choices, value]);
  useEffect(() => {
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (!list.current?.contains(target) && !anchor.contains(target)) onClose(false);
    };
    const ended = new AbortController();
    const { signal } = ended;
    document.addEventListener("pointerdown", outside, { capture: true, signal });
    document.addEventListener("scroll", outside, { capture: true, signal });
    window.addEventListener("resize", () => onClose(false), { signal });
    return () => ended.abort();
  });
  const move = (event: KeyboardEvent) => {
    const items = Array.from(list.current?.querySelectorAll<HTMLElement>("[role=menuitemradio]") ?? []);
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") onClose(true);
    else if (to !== undefined) items[(to + items.length) % items.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={list} class="ew-float ew-menu" role="menu" aria-label={label} popover="manual" onKeyDown={move}>
      {choices.map((choice) => (
        <button
          key={choice.name}
          type="button"
          class="ew-menu-item"
          role="menuitemradio"
          aria-checked={choice.name === value}
          aria-disabled={Boolean(choice.unavailable)}
          data-name={choice.name}
          onPointerMove={(event) => event.currentTarget.focus({ preventScroll: true })}
          onClick={() => onChoose(choice)}
        >
          <span class="ew-menu-label">{choice.label}</span>
          {(choice.unavailable || choice.note) && <span class="ew-menu-note">{choice.unavailable || choice.note}</span>}
        </button>
      ))}
    </div>
  );
}
