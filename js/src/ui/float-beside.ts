/** A box beside what it is about, so that what stands above and below stays in sight. */
import { type Anchor, float } from "./float";

const GAP = 10;
const EDGE = 4;
/** The box's top is this far above the anchor's. */
const RISE = 10;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a box of a given size goes: to the right, else to the left; null if there is no room at either side. */
export function placeBeside(anchor: Anchor, size: Size, room: Size): { left: number; top: number } | null {
  const top = Math.max(EDGE, Math.min(anchor.top - RISE, room.height - size.height - EDGE));
  const right = anchor.right + GAP;
  if (right + size.width <= room.width - EDGE) return { left: right, top };
  const left = anchor.left - GAP - size.width;
  return left >= EDGE ? { left, top } : null;
}

/** Shows an element beside an anchor, or above or below it where it is narrow. */
export function floatBeside(element: HTMLElement, anchor: Anchor): void {
  if (typeof element.showPopover === "function" && !element.matches(":popover-open")) element.showPopover();
  const size = { width: element.offsetWidth, height: element.offsetHeight };
  const room = { width: document.documentElement.clientWidth, height: window.innerHeight };
  const found = placeBeside(anchor, size, room);
  if (!found) {
    float(element, anchor, "below", "center");
    return;
  }
  element.style.left = `${Math.round(found.left)}px`;
  element.style.top = `${Math.round(found.top)}px`;
}
