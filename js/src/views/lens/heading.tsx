/** What a figure shows: a title, and a quieter sentence. */
import type { ComponentChildren } from "preact";

interface HeadingProps {
  title: string;
  /** The sentence beside it. */
  children?: ComponentChildren;
}

export function Heading({ title, children }: HeadingProps) {
  return (
    <div class="ew-heading">
      <span class="ew-heading-title">{title}</span> <span class="ew-heading-note">{children}</span>
    </div>
  );
}
