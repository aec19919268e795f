/**
 * Keys for an element while the focus is inside it.
 *
 * Hosts listen for shortcuts while the event comes down: keys that mean something here must be caught before.
 */
import { childController } from "../host/listen";

/** @param handle Returns whether the key meant something. */
export function catchKeys(element: HTMLElement, ended: AbortSignal, handle: (event: KeyboardEvent) => boolean): void {
  let keys: AbortController | null = null;
  const pressed = (event: KeyboardEvent) => {
    if (!handle(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  element.addEventListener(
    "focusin",
    () => {
      if (keys) return;
      keys = childController(ended);
      window.addEventListener("keydown", pressed, { signal: keys.signal, capture: true });
    },
    { signal: ended },
  );
  element.addEventListener(
    "focusout",
    () => {
      keys?.abort();
      keys = null;
    },
    { signal: ended },
  );
}
