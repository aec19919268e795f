/** Puts an element that was made elsewhere among components. */
import { useLayoutEffect, useRef } from "preact/hooks";

export function ElementHolder({ element, className = "" }: { element: HTMLElement; className?: string }) {
  const holder = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    holder.current?.append(element);
  }, [element]);
  return <div ref={holder} class={className} />;
}
