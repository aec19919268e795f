/** What can be done with a token that a layer proposes: watch it, contrast the run's attributions with it. */
import type { ReadonlySignal, Signal } from "@preact/signals-core";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { quoteToken } from "../../charts/format";
import { seriesColor } from "../../charts/series";
import type { TokenChoice } from "../../generated/shared";
import { float } from "../../ui/float";
import { TokenText } from "../../ui/token-chip";
import { useValue } from "../../ui/use-value";
import type { LensHandle } from "./handle";

export interface OpenToken {
  readonly token: TokenChoice;
  /** What was pressed: the popover stands beside it, and the focus goes back to it. */
  readonly anchor: HTMLElement;
  readonly facts: readonly string[];
  /** It is the token that stands there: nothing to contrast it with. */
  readonly actual?: boolean;
}

interface PopoverProps {
  store: LensHandle;
  /** The token that was pressed; null closes the popover. */
  open: Signal<OpenToken | null>;
  /** The position the token was proposed for. */
  position: ReadonlySignal<number | null>;
}

export function TokenPopover({ store, open, position }: PopoverProps) {
  const shown = useValue(open);
  if (!shown) return null;
  const close = (refocus: boolean) => {
    open.value = null;
    if (store.problem.value?.about === "contrast") store.dismissProblem();
    if (refocus) shown.anchor.focus({ preventScroll: true });
  };
  return <Popover key={shown.token.id} store={store} shown={shown} position={position} onClose={close} />;
}

interface ShownProps {
  store: LensHandle;
  shown: OpenToken;
  position: ReadonlySignal<number | null>;
  onClose(refocus: boolean): void;
}

function Popover({ store, shown, position, onClose }: ShownProps) {
  const { token, anchor, facts } = shown;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!box.current) return;
    float(box.current, anchor.getBoundingClientRect(), "below", "start");
    box.current.querySelector<HTMLElement>("button:not([aria-disabled=true])")?.focus({ preventScroll: true });
  }, [anchor]);
  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) onClose(false);
    };
    // The page may scroll because of what was asked for here: a widget above becomes higher when it gets a foil.
    const scrolled = (event: Event) => {
      const rect = anchor.getBoundingClientRect();
      const inSight = rect.bottom > 0 && rect.top < window.innerHeight;
      const inside = anchor.closest(".ew-root")?.contains(event.target as Node);
      if (box.current && inSight && !inside) float(box.current, rect, "below", "start");
      else outside(event);
    };
    document.addEventListener("pointerdown", outside, { capture: true, signal });
    document.addEventListener("scroll", scrolled, { capture: true, signal });
    window.addEventListener("resize", () => onClose(false), { signal });
    return () => ended.abort();
  });
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose(true);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const buttons = Array.from(box.current?.querySelectorAll("button") ?? []);
      const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
      buttons[(at + (event.key === "ArrowDown" ? 1 : -1) + buttons.length) % buttons.length]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={box}
      class="ew-float ew-token-popover"
      role="dialog"
      aria-label={`token ${quoteToken(token.text)}`}
      popover="manual"
      onKeyDown={keys}
    >
      <div class="ew-token-popover-head">
        <TokenText text={token.text} className="ew-token-popover-token" />
        <span class="ew-token-popover-facts">{facts.join(" · ")}</span>
      </div>
      <WatchButton store={store} token={token} />
      <ContrastButton store={store} token={token} position={position} actual={shown.actual === true} />
    </div>
  );
}

function WatchButton({ store, token }: { store: LensHandle; token: TokenChoice }) {
  const watch = useValue(store.lens.watch);
  const place = watch.indexOf(token.id);
  return (
    <button
      type="button"
      class="ew-menu-item ew-action"
      data-name="watch"
      aria-pressed={place >= 0}
      onClick={() => store.watchToken(token, place < 0)}
    >
      <span class="ew-swatch" style={place >= 0 ? { "--ew-mark": seriesColor(place) } : {}} />
      <span class="ew-menu-label">{place >= 0 ? "stop watching it" : "watch it"}</span>
      <span class="ew-menu-note">
        {place >= 0 ? "marked in this run's figures" : "mark it in this run's figures and rank it at every layer"}
      </span>
    </button>
  );
}

type Contrast = "none" | "asked" | number | null;

function contrastNote(outcome: Contrast): string {
  if (outcome === "asked") return "asking …";
  if (outcome === 0) return "no attribution of this run is open";
  if (outcome === null) return "the kernel did not do it";
  if (outcome === "none") return "why the token that stands there, and not this one?";
  return outcome === 1 ? "the attribution contrasts with it now" : `${outcome} attributions contrast with it now`;
}

interface ContrastProps extends Omit<PopoverProps, "open"> {
  token: TokenChoice;
  actual: boolean;
}

function ContrastButton({ store, token, position, actual }: ContrastProps) {
  const [outcome, setOutcome] = useState<Contrast>("none");
  useValue(store.connection.state);
  const problem = useValue(store.problem);
  const refused = problem?.about === "contrast" && outcome === null ? `${problem.message} ${problem.hint}` : "";
  const unavailable = actual ? "it is the token that stands there" : store.connection.open ? "" : "needs a kernel";
  const ask = async () => {
    if (unavailable) return;
    setOutcome("asked");
    setOutcome(await store.contrast(token, position.value));
  };
  return (
    <button
      type="button"
      class="ew-menu-item ew-action"
      data-name="contrast"
      aria-disabled={unavailable !== ""}
      data-outcome={typeof outcome === "number" ? "done" : (outcome ?? "refused")}
      onClick={ask}
    >
      <span class="ew-menu-label">contrast with it</span>
      <span class="ew-menu-note" aria-live="polite">
        {unavailable || refused || contrastNote(outcome)}
      </span>
    </button>
  );
}
