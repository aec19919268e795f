/** The frame of a view: its root element with theme, width and state, from first drawing to the end. */
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { type ComponentChild, render } from "preact";
import type { Theme } from "../../charts/color";
import { childController, onAbort } from "../../host/listen";
import type { Liveness } from "../../host/live-types";
import { keepShortcutsAway } from "../../host/shortcuts";
import { watchTheme } from "../../host/theme";
import { type Width, watchWidth } from "./width";

export interface Frame {
  /** The widget's root element, as tests and exports see it. */
  readonly root: HTMLElement;
  readonly theme: ReadonlySignal<Theme>;
  readonly width: ReadonlySignal<Width>;
  /** Ends with the view. */
  readonly ended: AbortSignal;
}

export interface Mounting {
  /** Class of the root, beside `ew-root`. */
  readonly className: string;
  /** What assistive technology calls the widget; reads signals. */
  label(): string;
  /** Further `data-` attributes of the root, for tests and exports; reads signals. */
  facts?(): Readonly<Record<string, string>>;
  /** Draws the content. */
  content(frame: Frame): ComponentChild;
}

/** Draws a view of a store into an element until the signal aborts. */
export function mountView(store: Liveness, el: HTMLElement, signal: AbortSignal | undefined, view: Mounting) {
  const controller = childController(signal);
  const ended = controller.signal;
  const root = document.createElement("div");
  root.className = `ew-root ${view.className}`;
  root.setAttribute("role", "group");
  el.append(root);
  const theme = watchTheme(root, ended);
  const width = watchWidth(root, ended);
  onAbort(
    ended,
    effect(() => {
      root.setAttribute("aria-label", view.label());
      root.dataset.width = width.value;
      root.dataset.theme = theme.value;
      root.dataset.state = store.phase.value;
      Object.assign(root.dataset, view.facts?.());
    }),
  );
  keepShortcutsAway(root, ended);
  render(view.content({ root, theme, width, ended }), root);
  onAbort(ended, () => {
    render(null, root);
    root.remove();
  });
  return controller;
}
