/** A word with an explanation that shows when it is pointed at or in focus. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { float } from "./float";

interface HintProps {
  /** The explanation. */
  text: string;
  children: ComponentChildren;
}

export function Hint({ text, children }: HintProps) {
  const [open, setOpen] = useState(false);
  const word = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (open && box.current && word.current)
      float(box.current, word.current.getBoundingClientRect(), "above", "center");
  }, [open]);
  return (
    <>
      <button
        ref={word}
        type="button"
        class="ew-link ew-hint-word"
        aria-description={text}
        onPointerEnter={() => setOpen(true)}
        onPointerLeave={() => setOpen(false)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      >
        {children}
      </button>
      {open && (
        <div ref={box} class="ew-float ew-tooltip ew-hint-text" role="tooltip" popover="manual">
          {text}
        </div>
      )}
    </>
  );
}
