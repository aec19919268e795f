/** The width of an element, for what is drawn in pixels. */
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export function useWidth(target: RefObject<HTMLElement>, before: number): number {
  const [width, setWidth] = useState(before);
  useLayoutEffect(() => {
    const element = target.current;
    if (!element) return;
    const measure = () => {
      if (element.clientWidth > 0) setWidth(element.clientWidth);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [target]);
  return width;
}
