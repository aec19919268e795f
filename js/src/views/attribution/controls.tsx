/** The bar above the text: why, of what, shown how. */
import { useState } from "preact/hooks";
import { Group } from "../../ui/group";
import { Menu } from "../../ui/menu";
import { Caret, Segment, Segmented } from "../../ui/segmented";
import { useValue } from "../../ui/use-value";
import { StatusOf } from "../shared/liveness";
import { FoilField } from "./foil-field";
import type { AttributionStore } from "./store";
import type { Settable } from "./store-types";
import type { ViewState } from "./view-state";

/** Targets that stand side by side; the others are in the menu. */
const MAIN_TARGETS = ["logit", "log_probability", "contrast"];
const NOT_SAVED = "not saved in this page";

interface ControlsProps {
  store: AttributionStore;
  view: ViewState;
}

export function Controls({ store, view }: ControlsProps) {
  const { traits } = store;
  const options = useValue(traits._options);
  const method = useValue(traits.attr_method);
  const target = useValue(traits.target);
  const style = useValue(traits.view_style);
  const width = useValue(view.width);
  useValue(store.connection.state);
  useValue(store.spec);
  /** A person has just asked for a contrast: the field for the other token takes the focus. */
  const [contrasting, setContrasting] = useState(false);
  const folded = width === "narrow";
  const room = width === "wide" || width === "small" ? 37 : 60;
  const offline = !store.connection.open;
  /** Without a kernel only what was saved can be shown. */
  const saved = (changes: Partial<Settable>) => (offline && !store.hasRowsFor(changes) ? NOT_SAVED : "");

  const chooseTarget = (name: string) => {
    setContrasting(name === "contrast");
    store.apply({ target: name as Settable["target"] });
  };
  const showsFoil = target === "contrast" && !offline;

  return (
    <div class="ew-controls" role="toolbar" aria-label="How the attribution is computed and shown">
      <div class="ew-groups">
        <Group label="why">
          <Segmented
            label="attribution method"
            choices={options.methods.map((choice) => ({
              ...choice,
              unavailable: choice.unavailable || saved({ attr_method: choice.name }),
            }))}
            value={method}
            visible={firstThatFit(options.methods, 3, room)}
            compact={folded}
            onChoose={(name) => store.apply({ attr_method: name })}
          />
        </Group>
        <Group label="of">
          <Segmented
            label="what is explained"
            choices={options.targets.map((choice) => ({
              ...choice,
              unavailable: saved({ target: choice.name as Settable["target"] }),
            }))}
            value={target}
            visible={MAIN_TARGETS}
            compact={folded}
            onChoose={chooseTarget}
          />
          {showsFoil && <FoilField store={store} view={view} focused={contrasting} />}
        </Group>
        <span class="ew-break" />
        <Group label="show">
          <Segmented
            label="style"
            choices={[
              { name: "minimal", label: "colour", note: "colour behind the tokens" },
              { name: "detailed", label: "bars", note: "a bar and a percentage at each token" },
            ]}
            value={style}
            onChoose={(name) => store.apply({ view_style: name as Settable["view_style"] })}
          />
          <Aggregation store={store} saved={saved} />
        </Group>
      </div>
      <StatusOf store={store} short={width === "narrow"} />
    </div>
  );
}

/** Names of the first few choices whose labels have at most so many letters together. */
export function firstThatFit(choices: ReadonlyArray<{ name: string; label: string }>, count: number, letters: number) {
  const fitting: string[] = [];
  let used = 0;
  for (const { name, label } of choices.slice(0, count)) {
    used += label.length;
    if (used > letters && fitting.length > 0) break;
    fitting.push(name);
  }
  return fitting;
}

interface AggregationProps {
  store: AttributionStore;
  saved(changes: Partial<Settable>): string;
}

/** How a token's vector becomes a number: its size (one of some norms), or its signed sum. */
function Aggregation({ store, saved }: AggregationProps) {
  const aggregation = useValue(store.traits.aggregation);
  const { aggregations } = useValue(store.traits._options);
  const [lastSize, setLastSize] = useState("l2");
  const choices = aggregations.map((choice) => ({
    ...choice,
    unavailable: saved({ aggregation: choice.name as Settable["aggregation"] }),
  }));
  const sizes = choices.filter(({ signed }) => !signed);
  const signed = choices.filter((choice) => choice.signed);
  const choose = (name: string) => store.apply({ aggregation: name as Settable["aggregation"] });
  const isSize = sizes.some(({ name }) => name === aggregation);
  const shown = sizes.find(({ name }) => name === (isSize ? aggregation : lastSize)) ?? sizes[0];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings styles that hosts change in many ways.
    <div class="ew-segmented" role="group" aria-label="aggregation">
      {shown && isSize && (
        <Menu
          label={`size: ${shown.label}`}
          choices={sizes}
          value={aggregation}
          onChoose={(name) => {
            setLastSize(name);
            choose(name);
          }}
          className="ew-segment"
          pressed
          title={shown.note}
        >
          size <span class="ew-quiet">{shown.label}</span>
          <Caret />
        </Menu>
      )}
      {shown && !isSize && (
        <Segment choice={{ ...shown, label: "size" }} chosen={false} onChoose={() => choose(shown.name)} />
      )}
      {signed.map((choice) => (
        <Segment
          key={choice.name}
          choice={{ ...choice, label: signed.length > 1 ? choice.label : "sign" }}
          chosen={choice.name === aggregation}
          onChoose={choose}
        />
      ))}
    </div>
  );
}
