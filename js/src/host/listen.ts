/** Listeners whose life an AbortSignal ends. */
import type { AnyModel, ModelCallback } from "./anywidget";

/** Listens to a model's events until the signal aborts. */
export function onModel(
  model: AnyModel,
  callbacks: Readonly<Record<string, ModelCallback>>,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const entries = Object.entries(callbacks);
  for (const [event, callback] of entries) model.on(event, callback);
  onAbort(signal, () => {
    for (const [event, callback] of entries) model.off(event, callback);
  });
}

/** Runs `dispose` when the signal aborts, or now if it has. */
export function onAbort(signal: AbortSignal, dispose: () => void): void {
  if (signal.aborted) dispose();
  else signal.addEventListener("abort", dispose, { once: true });
}

/** A controller that aborts with any of the given signals, and can be aborted by hand. */
export function childController(...parents: ReadonlyArray<AbortSignal | undefined>): AbortController {
  const controller = new AbortController();
  for (const parent of parents) {
    if (!parent) continue;
    if (parent.aborted) controller.abort(parent.reason);
    else parent.addEventListener("abort", () => controller.abort(parent.reason), { signal: controller.signal });
  }
  return controller;
}
