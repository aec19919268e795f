/** One view of an attribution widget. */
import { effect } from "@preact/signals-core";
import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { childController, onAbort } from "../../host/listen";
import { keepShortcutsAway } from "../../host/shortcuts";
import { watchTheme } from "../../host/theme";
import { Banner } from "../../ui/banner";
import type { TokenStrip } from "../../ui/strip/strip";
import { useValue } from "../../ui/use-value";
import { type AttributionElement, bindStrip } from "./bind-strip";
import { Controls } from "./controls";
import { summary } from "./describe";
import { FoilProblem } from "./foil-field";
import { Legend } from "./legend";
import type { AttributionStore } from "./store";
import { TokenTooltip } from "./token-tooltip";
import { createViewState, type ViewState } from "./view-state";

/** A summary is read out when the choice has rested this long. */
const ANNOUNCE_AFTER_MS = 600;

interface ViewProps {
  store: AttributionStore;
  view: ViewState;
  strip: TokenStrip;
}

function AttributionView({ store, view, strip }: ViewProps) {
  const holder = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    holder.current?.append(strip.element);
  }, [strip]);
  return (
    <>
      <Controls store={store} view={view} />
      <FoilProblem store={store} />
      <Problem store={store} />
      <div ref={holder} class="ew-strip-holder" />
      <Legend store={store} view={view} />
      <TokenTooltip store={store} view={view} strip={strip} />
      <Announcement store={store} view={view} />
    </>
  );
}

function Problem({ store }: { store: AttributionStore }) {
  const problem = useValue(store.problem);
  if (problem?.about !== "widget") return null;
  return (
    <Banner
      message={problem.message}
      hint={problem.hint}
      onRetry={() => store.retry()}
      onDismiss={() => store.dismissProblem()}
    />
  );
}

function Announcement({ store, view }: { store: AttributionStore; view: ViewState }) {
  const row = useValue(store.row);
  const tokens = useValue(view.tokens);
  const [text, setText] = useState("");
  useEffect(() => {
    if (!row) return;
    const timer = setTimeout(() => setText(summary(tokens, row)), ANNOUNCE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [row, tokens]);
  return (
    <div class="ew-unseen" aria-live="polite">
      {text}
    </div>
  );
}

/** Draws a view into an element until the signal aborts. */
export function renderAttribution(store: AttributionStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  const controller = childController(signal);
  const ended = controller.signal;
  const root: AttributionElement = document.createElement("div");
  root.className = "ew-root ew-attribution";
  root.setAttribute("role", "group");
  el.append(root);
  const view = createViewState(store, root, watchTheme(root, ended), ended);
  const strip = bindStrip(store, view, root, ended);
  const stopSizing = effect(() => {
    const { name, layers } = store.traits._model.value;
    root.setAttribute("aria-label", `Attribution, ${name}, ${layers} layers`);
    root.dataset.width = view.width.value;
    root.dataset.theme = view.theme.value;
  });
  keepShortcutsAway(root, ended);
  render(<AttributionView store={store} view={view} strip={strip} />, root);
  onAbort(ended, () => {
    stopSizing();
    render(null, root);
    root.remove();
  });
  return controller;
}
