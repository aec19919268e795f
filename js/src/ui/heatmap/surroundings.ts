/** What may change around a map without a word: its width, the fonts, the screen's pixels. */
import { onAbort } from "../../host/listen";

interface Watcher {
  /** The element has another width, or has one at last; called before the frame is drawn. */
  resized(): void;
  /** Fonts or device pixels are others. */
  changed(): void;
}

export function watchSurroundings(element: HTMLElement, signal: AbortSignal, { resized, changed }: Watcher): void {
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    resized();
  });
  observer.observe(element);
  onAbort(signal, () => observer.disconnect());
  document.fonts?.addEventListener("loadingdone", changed, { signal });
  const watchPixels = () => {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const another = () => {
      changed();
      watchPixels();
    };
    query.addEventListener("change", another, { once: true, signal });
  };
  watchPixels();
}
