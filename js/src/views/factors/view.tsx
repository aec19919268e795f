/** One view of a factors widget. */
import { ElementHolder } from "../../ui/element-holder";
import type { Sparklines } from "../../ui/sparklines/sparklines";
import type { TokenStrip } from "../../ui/strip/strip";
import { useValue } from "../../ui/use-value";
import { Heading } from "../lens/heading";
import { ProblemBanner } from "../shared/liveness";
import { mountView } from "../shared/mount";
import { bindSparklines } from "./bind-sparklines";
import { bindStrip } from "./bind-strip";
import { CardPanel } from "./card-panel";
import { Controls } from "./controls";
import { describeFactors } from "./describe";
import { Legend } from "./legend";
import type { FactorsStore } from "./store";
import { TokenTooltip } from "./token-tooltip";
import { createViewState, type ViewState } from "./view-state";

interface ViewProps {
  store: FactorsStore;
  view: ViewState;
  list: Sparklines;
  strip: TokenStrip;
}

function FactorsView({ store, view, list, strip }: ViewProps) {
  return (
    <>
      <Controls store={store} view={view} />
      <ProblemBanner store={store} />
      <Heading title="Neurons that fire together">
        <Making store={store} />
      </Heading>
      <Caveat store={store} />
      <Nothing store={store} />
      <div class="ew-factors-holder">
        <div class="ew-factors-body">
          <ElementHolder element={list.element} className="ew-factors-list" />
          <ElementHolder element={strip.element} className="ew-factors-text" />
        </div>
      </div>
      <Legend store={store} view={view} />
      <CardPanel store={store} view={view} list={list} />
      <TokenTooltip store={store} view={view} strip={strip} />
    </>
  );
}

/** What was made of how many neurons, how well. */
function Making({ store }: { store: FactorsStore }) {
  const set = useValue(store.factors);
  const { stack } = useValue(store.traits._bounds);
  const phase = useValue(store.phase);
  const fits = useValue(store.fits);
  const tookMs = useValue(store.took);
  if (!set) return null;
  const parts = describeFactors(set, stack, { computing: phase === "computing", fits, tookMs });
  return (
    <span class="ew-making">
      {parts.join(" · ")}
      {set.stopped && fits && store.connection.open && (
        <button type="button" class="ew-link ew-resume" onClick={() => store.resume()}>
          go on
        </button>
      )}
    </span>
  );
}

/** What to know before reading other factors than those of NMF. */
function Caveat({ store }: { store: FactorsStore }) {
  const { methods } = useValue(store.traits._bounds);
  const method = useValue(store.traits.method);
  const note = methods.find(({ name }) => name === method)?.note;
  if (!note || method === "nmf") return null;
  return <div class="ew-caveat">{note}</div>;
}

/** Why there is no picture. */
function Nothing({ store }: { store: FactorsStore }) {
  const set = useValue(store.factors);
  const phase = useValue(store.phase);
  if (set) return null;
  const reason =
    phase === "offline"
      ? "The factors were not saved in this page."
      : phase === "computing"
        ? "…"
        : "Not computed yet.";
  return <div class="ew-nothing">{reason}</div>;
}

/** Draws a view into an element until the signal aborts. */
export function renderFactors(store: FactorsStore, el: HTMLElement, signal?: AbortSignal): AbortController {
  return mountView(store, el, signal, {
    className: "ew-factors",
    label: () => `Factors of neurons, ${store.traits._model.value.name}`,
    content(frame) {
      const view = createViewState(store, frame);
      return (
        <FactorsView store={store} view={view} list={bindSparklines(store, view)} strip={bindStrip(store, view)} />
      );
    },
  });
}
