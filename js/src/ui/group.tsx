/** Controls that belong together, with a word before them. */
import type { ComponentChildren } from "preact";

interface GroupProps {
  label: string;
  className?: string;
  children: ComponentChildren;
}

export function Group({ label, className = "", children }: GroupProps) {
  return (
    <div class={`ew-group ${className}`}>
      <span class="ew-label" aria-hidden="true">
        {label}
      </span>
      {children}
    </div>
  );
}
