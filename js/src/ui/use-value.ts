/** Signals in Preact components: a component reads a value and is drawn again when it changes. */
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

/** The current value of a signal. */
export function useValue<T>(source: ReadonlySignal<T>): T {
  const [, redraw] = useState({});
  const value = source.peek();
  useLayoutEffect(
    () =>
      effect(() => {
        if (source.value !== value) redraw({});
      }),
    [source, value],
  );
  return value;
}

/** True once `condition` has held for some milliseconds: what is over sooner is not worth a flicker. */
export function useLasting(condition: boolean, milliseconds: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!condition) {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), milliseconds);
    return () => clearTimeout(timer);
  }, [condition, milliseconds]);
  return condition && lasting;
}
