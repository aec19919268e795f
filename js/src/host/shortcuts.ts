/**
 * Keeps the host's single-key shortcuts away from the widget while the focus is inside it: in JupyterLab's command mode Enter
 * would edit the cell, `d d` delete it. Chords with Ctrl, Alt or Meta and Shift+Enter stay the host's.
 */
const SUPPRESS = "data-lm-suppress-shortcuts";

export function keepShortcutsAway(root: HTMLElement, ended: AbortSignal): void {
  window.addEventListener(
    "keydown",
    (event) => {
      if (!(event.target instanceof Node) || !root.contains(event.target)) return;
      const { ctrlKey, metaKey, altKey, shiftKey, key } = event;
      const forHost = ctrlKey || metaKey || altKey || (shiftKey && key === "Enter");
      // Lumino looks for this attribute on the way up from the target, until a binding's selector matches. Some match whatever
      // has the focus and can't be written in (a slider, a button): the target itself must have it, too.
      for (const element of event.target instanceof Element ? [root, event.target] : [root]) {
        if (forHost) element.removeAttribute(SUPPRESS);
        else element.setAttribute(SUPPRESS, "true");
      }
    },
    { capture: true, signal: ended },
  );
}
