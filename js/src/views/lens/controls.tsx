/** The bar above a lens widget, and the controls that several of them have. */
import type { ComponentChildren } from "preact";
import { Group } from "../../ui/group";
import { Menu } from "../../ui/menu";
import { Caret, Segment } from "../../ui/segmented";
import { Stepper } from "../../ui/stepper";
import { useValue } from "../../ui/use-value";
import { StatusOf } from "../shared/liveness";
import type { Frame } from "../shared/mount";
import type { LensChanges, LensHandle, LensTraits } from "./handle";

const NOT_SAVED = "not saved in this page";

interface StoreProps {
  store: LensHandle;
}

interface BarProps extends StoreProps {
  frame: Frame;
  /** What the toolbar does, for assistive technology. */
  label: string;
  children: ComponentChildren;
}

export function LensBar({ store, frame, label, children }: BarProps) {
  const width = useValue(frame.width);
  return (
    <div class="ew-controls ew-lens-controls" role="toolbar" aria-label={label}>
      <div class="ew-groups">{children}</div>
      <StatusOf store={store} short={width === "narrow"} />
    </div>
  );
}

/** Why a change can't be shown; empty if it can. */
function unavailable(store: LensHandle, changes: LensChanges): string {
  return store.connection.open || store.hasFor(changes) ? "" : NOT_SAVED;
}

/** Is the final normalisation applied before the unembedding? Absent where the model has none. */
export function NormToggle({ store }: StoreProps) {
  const { has_final_norm } = useValue(store.lens._lens);
  const on = useValue(store.lens.final_norm);
  useValue(store.connection.state);
  if (!has_final_norm) return null;
  return (
    <span class="ew-segmented">
      <Segment
        choice={{
          name: "final_norm",
          label: "final norm",
          note: on
            ? "each layer passes through the model's final normalisation; without it: Ecco's figures"
            : "layers go straight to the unembedding, as in Ecco's figures",
          unavailable: unavailable(store, { final_norm: !on }),
        }}
        chosen={on}
        onChoose={() => store.change({ final_norm: !on })}
      />
    </span>
  );
}

/** Where in each block the lens reads. */
export function SiteMenu({ store }: StoreProps) {
  const { sites } = useValue(store.lens._lens);
  const site = useValue(store.lens.site);
  useValue(store.connection.state);
  if (sites.length < 2) return null;
  const chosen = sites.find(({ name }) => name === site);
  const choices = sites.map((choice) => ({
    ...choice,
    unavailable: choice.unavailable || (choice.name === site ? "" : unavailable(store, { site: choice.name })),
  }));
  return (
    <Group label="read" className="ew-read">
      <Menu
        label={`where the lens reads: ${chosen?.label ?? site}`}
        choices={choices}
        value={site}
        onChoose={(name) => store.change({ site: name as LensTraits["site"] })}
        className="ew-select"
        title={chosen?.note ?? ""}
      >
        {chosen?.label ?? site}
        <Caret />
      </Menu>
    </Group>
  );
}

/** Turns the layers around. */
export function OrderToggle({ store }: StoreProps) {
  const order = useValue(store.lens.layer_order);
  const onTop = order === "top";
  return (
    <span class="ew-segmented">
      <Segment
        choice={{
          name: "layer_order",
          label: "layer 0 on top",
          note: onTop ? "press to put the last layer on top" : "the last layer is on top",
        }}
        chosen={onTop}
        onChoose={() => store.change({ layer_order: onTop ? "bottom" : "top" })}
      >
        <span class="ew-wordy">layer </span>0 on top
      </Segment>
    </span>
  );
}

interface TopkProps {
  frame: Frame;
  value: number;
  most: number;
  disabled?: boolean;
  onChange(topk: number): void;
}

/** How many tokens of each layer are shown. */
export function TopkStepper({ frame, value, most, disabled = false, onChange }: TopkProps) {
  const width = useValue(frame.width);
  return (
    <Group label="top">
      <Stepper
        label="tokens of each layer"
        value={value}
        least={1}
        most={most}
        compact={width === "narrow"}
        disabled={disabled}
        title={`1 to ${most} tokens of each layer`}
        onChange={onChange}
      />
    </Group>
  );
}
