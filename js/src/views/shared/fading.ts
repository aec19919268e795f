/** What was drawn for an earlier choice fades once the present one has been waited for. */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { onAbort } from "../../host/listen";

/** What is over sooner than this is not worth fading. */
export const FADE_AFTER_MS = 110;

/** True while nothing has been at hand for some time. */
export function watchFading(atHand: ReadonlySignal<unknown>, ended: AbortSignal): ReadonlySignal<boolean> {
  const faded = signal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = atHand.subscribe((found) => {
    clearTimeout(timer);
    if (found) faded.value = false;
    else timer = setTimeout(() => (faded.value = true), FADE_AFTER_MS);
  });
  onAbort(ended, () => {
    stop();
    clearTimeout(timer);
  });
  return faded;
}
