/** How to choose a position; whether one is pinned; why one can't be chosen. */
import { useValue } from "../../ui/use-value";
import type { Frame } from "../shared/mount";
import type { LensHandle } from "./handle";
import type { PositionStrip } from "./position-strip";

interface HintProps {
  store: LensHandle;
  frame: Frame;
  positions: PositionStrip;
}

export function PositionHint({ store, frame, positions }: HintProps) {
  const tokens = useValue(positions.tokens);
  const pinned = useValue(positions.pinned);
  const inspected = useValue(positions.inspected);
  const width = useValue(frame.width);
  if (inspected !== null && !store.canChoose(inspected)) {
    const reason = tokens.isExplainable(inspected) ? "was not saved in this page" : "has no prediction";
    return (
      <span>
        {tokens.name(inspected)} {reason}
      </span>
    );
  }
  if (pinned) {
    const free = () => {
      positions.pinned.value = false;
    };
    return (
      <button type="button" class="ew-pin" title="free it (Escape)" onClick={free}>
        pinned <span class="ew-key">Esc</span>
      </button>
    );
  }
  if (width === "narrow" || width === "small") return null;
  return <span class="ew-hint">← → move · Enter pins</span>;
}
