/** The bar above the picture: which layer, how many neurons, in how many clusters, in which order. */
import { formatCount } from "../../charts/format";
import type { NeuronsTraits } from "../../generated/neurons";
import { Counter } from "../../ui/counter";
import { Group } from "../../ui/group";
import { Segmented } from "../../ui/segmented";
import { Stepper } from "../../ui/stepper";
import { useValue } from "../../ui/use-value";
import { StatusOf } from "../shared/liveness";
import type { NeuronsStore } from "./store";
import type { ViewState } from "./view-state";

const NOT_SAVED = "not saved in this page";
const FEWEST = 10;

const ORDERS = [
  { name: "cluster", label: "cluster", note: "neurons that fire at the same tokens stand together" },
  { name: "activity", label: "activity", note: "the most active one on top" },
  { name: "index", label: "index", note: "as they are numbered" },
] as const;

interface ControlsProps {
  store: NeuronsStore;
  view: ViewState;
}

export function Controls({ store, view }: ControlsProps) {
  const { traits } = store;
  const width = useValue(view.width);
  useValue(store.connection.state);
  const bounds = useValue(traits._bounds);
  const layer = useValue(traits.layer);
  const clusters = useValue(traits.n_clusters);
  const order = useValue(traits.order);
  const shown = useValue(traits.n_shown);
  const disabled = !store.connection.open;
  const total = bounds.widths[layer] ?? 0;
  return (
    <div class="ew-controls ew-lens-controls" role="toolbar" aria-label="Which neurons the map shows">
      <div class="ew-groups">
        {bounds.layers > 1 && (
          <Group label="layer">
            <Stepper
              label="layer"
              value={layer}
              least={0}
              most={bounds.layers - 1}
              disabled={disabled}
              title={disabled ? NOT_SAVED : `layer ${layer} has ${formatCount(total)} neurons`}
              onChange={(wanted) => store.showLayer(wanted)}
            />
          </Group>
        )}
        <Group label="clusters">
          <Stepper
            label="number of clusters"
            value={clusters}
            least={1}
            most={bounds.most_clusters}
            disabled={disabled}
            title={disabled ? NOT_SAVED : `1 to ${bounds.most_clusters} clusters`}
            onChange={(n_clusters) => store.apply({ n_clusters })}
          />
        </Group>
        <Group label="order">
          <Segmented
            label="order of the neurons"
            choices={ORDERS.map((choice) => ({
              ...choice,
              unavailable: disabled && choice.name !== order ? NOT_SAVED : "",
            }))}
            value={order}
            compact={width === "narrow" || width === "small"}
            onChoose={(name) => store.apply({ order: name as NeuronsTraits["order"] })}
          />
        </Group>
        <Group label="show">
          <Stepper
            label="number of neurons shown"
            value={shown}
            least={FEWEST}
            most={Math.max(FEWEST, bounds.most_shown)}
            compact={width !== "full" && width !== "wide"}
            disabled={disabled}
            title={disabled ? NOT_SAVED : `the ${FEWEST} to ${bounds.most_shown} most active`}
            onChange={(n_shown) => store.apply({ n_shown })}
          />
        </Group>
        <Search store={store} disabled={disabled} total={total} />
      </div>
      <StatusOf store={store} short={width === "narrow"} />
    </div>
  );
}

/** Opens a neuron by its number. */
function Search({ store, disabled, total }: { store: NeuronsStore; disabled: boolean; total: number }) {
  const selected = useValue(store.traits.selected);
  return (
    <Group label="neuron">
      <Counter
        label="neuron"
        value={selected}
        least={0}
        most={Math.max(0, total - 1)}
        placeholder="index"
        disabled={disabled}
        title={disabled ? NOT_SAVED : `0 to ${formatCount(Math.max(0, total - 1))}: opens this neuron`}
        onChange={(index) => store.select(index)}
      />
    </Group>
  );
}
