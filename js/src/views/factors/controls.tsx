/** The bar above the picture: how many factors, of which layers, found how. */
import { formatCount } from "../../charts/format";
import type { FactorsTraits } from "../../generated/factors";
import { Counter } from "../../ui/counter";
import { Group } from "../../ui/group";
import { LayerBrush } from "../../ui/layer-brush";
import { Menu } from "../../ui/menu";
import { Caret, Segment } from "../../ui/segmented";
import { Stepper } from "../../ui/stepper";
import { useValue } from "../../ui/use-value";
import { StatusOf } from "../shared/liveness";
import type { FactorsStore } from "./store";
import type { ViewState } from "./view-state";

const NOT_SAVED = "not saved in this page";
const MOST_SEED = 2 ** 31 - 1;

interface ControlsProps {
  store: FactorsStore;
  view: ViewState;
}

export function Controls({ store, view }: ControlsProps) {
  const { traits } = store;
  const width = useValue(view.width);
  useValue(store.connection.state);
  const { most, layers, widths } = useValue(traits._bounds);
  const count = useValue(traits.n_components);
  const chosen = useValue(traits.layers);
  const disabled = !store.connection.open;
  return (
    <div class="ew-controls ew-lens-controls" role="toolbar" aria-label="How the factors are found">
      <div class="ew-groups">
        <Group label="factors">
          <Stepper
            label="number of factors"
            value={count}
            least={1}
            most={most}
            disabled={disabled}
            title={disabled ? NOT_SAVED : `1 to ${most} factors`}
            onChange={(n_components) => store.apply({ n_components })}
          />
        </Group>
        {layers > 1 && (
          <Group label="layers">
            <LayerBrush
              count={layers}
              value={chosen}
              disabled={disabled}
              title={(layer) => `layer ${layer} · ${formatCount(widths[layer] ?? 0)} neurons`}
              onChange={(wanted) => store.apply({ layers: wanted })}
            />
          </Group>
        )}
        <Method store={store} disabled={disabled} />
        <Seed store={store} disabled={disabled} />
        <Normalise store={store} disabled={disabled} />
      </div>
      <StatusOf store={store} short={width === "narrow"} />
    </div>
  );
}

interface PartProps {
  store: FactorsStore;
  disabled: boolean;
}

function Method({ store, disabled }: PartProps) {
  const { methods } = useValue(store.traits._bounds);
  const method = useValue(store.traits.method);
  const chosen = methods.find(({ name }) => name === method);
  const choices = methods.map((choice) => ({
    ...choice,
    unavailable: choice.unavailable || (disabled && choice.name !== method ? NOT_SAVED : ""),
  }));
  return (
    <Menu
      label={`method: ${chosen?.label ?? method}`}
      choices={choices}
      value={method}
      onChoose={(name) => store.apply({ method: name as FactorsTraits["method"] })}
      className="ew-select"
      title={chosen?.note ?? ""}
    >
      {chosen?.label ?? method}
      <Caret />
    </Menu>
  );
}

/** Where the search begins; absent where that makes no difference. */
function Seed({ store, disabled }: PartProps) {
  const { methods } = useValue(store.traits._bounds);
  const method = useValue(store.traits.method);
  const seed = useValue(store.traits.seed);
  if (methods.find(({ name }) => name === method)?.seeded === false) return null;
  return (
    <Group label="seed">
      <Counter
        label="seed"
        value={seed}
        least={0}
        most={MOST_SEED}
        disabled={disabled}
        title="where the search begins: what several seeds find is in the data"
        onChange={(wanted) => store.apply({ seed: wanted })}
      />
    </Group>
  );
}

function Normalise({ store, disabled }: PartProps) {
  const on = useValue(store.traits.normalize);
  return (
    <span class="ew-segmented">
      <Segment
        choice={{
          name: "normalize",
          label: "normalise",
          note: on
            ? "every token counts the same, however strong its activations"
            : "tokens count by how strong their activations are; press to let all count the same",
          unavailable: disabled ? NOT_SAVED : "",
        }}
        chosen={on}
        onChoose={() => store.apply({ normalize: !on })}
      />
    </span>
  );
}
