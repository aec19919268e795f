/**
 * Things that float above the widget: menus and tooltips. They go to the browser's top layer, so that no output area clips
 * them; where there is none they are fixed to the window.
 */

export interface Anchor {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export type Side = "above" | "below";
export type Align = "start" | "center";

const GAP = 6;
const EDGE = 4;

/** Where a box of a given size goes: on the wanted side of the anchor if it fits there, inside the window. */
export function place(
  anchor: Anchor,
  size: { width: number; height: number },
  room: { width: number; height: number },
  side: Side,
  align: Align,
): { left: number; top: number; side: Side } {
  const above = anchor.top - GAP - size.height;
  const below = anchor.bottom + GAP;
  const fitsAbove = above >= EDGE;
  const fitsBelow = below + size.height <= room.height - EDGE;
  const chosen =
    side === "above" ? (fitsAbove || !fitsBelow ? "above" : "below") : fitsBelow || !fitsAbove ? "below" : "above";
  const wanted = align === "start" ? anchor.left : (anchor.left + anchor.right - size.width) / 2;
  const left = Math.max(EDGE, Math.min(wanted, room.width - size.width - EDGE));
  return { left, top: Math.max(EDGE, chosen === "above" ? above : below), side: chosen };
}

/** Shows an element beside an anchor. */
export function float(element: HTMLElement, anchor: Anchor, side: Side, align: Align): void {
  if (typeof element.showPopover === "function" && !element.matches(":popover-open")) element.showPopover();
  const size = { width: element.offsetWidth, height: element.offsetHeight };
  const room = { width: document.documentElement.clientWidth, height: window.innerHeight };
  const { left, top } = place(anchor, size, room, side, align);
  element.style.left = `${Math.round(left)}px`;
  element.style.top = `${Math.round(top)}px`;
}
