/**
 * Renders a widget without Jupyter: exported pages (saved state, no kernel) and this project's own test pages.
 *
 *     import widget from "./attribution.js";
 *     import { mount } from "./standalone.js";
 *     await mount(widget, savedState, document.querySelector("#here"));
 */
import type { WidgetDefinition } from "../host/anywidget";
import { DISCONNECTED_CLASS } from "../host/connection";
import { restoreState, type SavedState, type Send, StaticModel } from "../standalone/static-model";

export { restoreState, StaticModel };

export interface Mounted {
  readonly model: StaticModel;
  /** Draws another view of the same model. */
  addView(element: HTMLElement): Promise<void>;
  /** Ends the views and everything that listens for it. */
  dispose(): void;
}

/**
 * Mounts a widget.
 *
 * @param widget What the widget's module exports by default.
 * @param saved Its saved state.
 * @param send Takes what the widget sends, for a stand-in of a kernel; without it the widget knows that it is not live.
 */
export async function mount(
  widget: WidgetDefinition | (() => WidgetDefinition | Promise<WidgetDefinition>),
  saved: SavedState,
  element: HTMLElement,
  send?: Send,
): Promise<Mounted> {
  const definition = typeof widget === "function" ? await widget() : widget;
  const model = new StaticModel(restoreState(saved), send);
  const ended = new AbortController();
  const { signal } = ended;
  const addView = async (parent: HTMLElement) => {
    const el = document.createElement("div");
    if (!send) el.classList.add(DISCONNECTED_CLASS);
    parent.append(el);
    signal.addEventListener("abort", () => el.remove(), { once: true });
    await definition.render({ model, el, signal });
  };
  await definition.initialize?.({ model, signal });
  await addView(element);
  return { model, addView, dispose: () => ended.abort() };
}
