/** What the colours mean, what is pinned, how to move about. */
import { Hint } from "../../ui/hint";
import { useValue } from "../../ui/use-value";
import { generatedFrom, SHIFT_NOTE } from "../shared/parts";
import { factorName } from "./factor-set";
import type { FactorsStore } from "./store";
import { factorColor, type ViewState } from "./view-state";

interface LegendProps {
  store: FactorsStore;
  view: ViewState;
}

export function Legend({ store, view }: LegendProps) {
  const set = useValue(store.factors);
  const tokens = useValue(store.traits._tokens);
  const { shifted } = useValue(store.traits._bounds);
  const width = useValue(view.width);
  if (!set) return null;
  const generated = tokens.n_prompt < tokens.texts.length;
  return (
    <div class="ew-legend ew-factors-legend">
      <Meaning store={store} view={view} />
      <span class="ew-facts">
        {shifted && (generated || generatedFrom(tokens) !== null) && (
          <Hint text={SHIFT_NOTE}>generated tokens show the state that led to them</Hint>
        )}
        {width !== "narrow" && width !== "small" && <span class="ew-hint">↑ ↓ factors · Enter pins · c more</span>}
      </span>
    </div>
  );
}

function Meaning({ store, view }: LegendProps) {
  const set = useValue(store.factors);
  const rows = useValue(view.rows);
  const focus = useValue(store.traits.focus);
  const pinned = useValue(store.traits.pinned);
  const palette = useValue(view.palette);
  if (!set) return null;
  const swatch = (id: number) => (
    <span key={id} class="ew-factor-tag" style={{ "--ew-mark": factorColor(palette, id) }}>
      <span class="ew-swatch" />
      {factorName(id)}
    </span>
  );
  const shown = rows.map((row) => set.ids[row] ?? 0);
  const free = pinned.length > 0 && (
    <button type="button" class="ew-pin" title="free them (Escape)" onClick={() => store.apply({ pinned: [] })}>
      pinned <span class="ew-key">Esc</span>
    </button>
  );
  if (focus !== null && shown.length === 1) {
    return (
      <span class="ew-legend-what">
        factor {shown.map(swatch)} alone, fuller where it is closer to its peak {free}
      </span>
    );
  }
  if (pinned.length > 0 && shown.length < set.ids.length) {
    return (
      <span class="ew-legend-what">
        the strongest of {shown.map(swatch)} {free}
      </span>
    );
  }
  return (
    <span class="ew-legend-what">
      each token in the colour of its strongest factor, fuller where that is closer to its peak {free}
    </span>
  );
}
