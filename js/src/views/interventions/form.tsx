/** How neurons are changed, and the button that does it; while it runs, how far it is. */
import { useState } from "preact/hooks";
import { formatCount } from "../../charts/format";
import { Menu } from "../../ui/menu";
import { Caret, Segmented } from "../../ui/segmented";
import { useValue } from "../../ui/use-value";
import type { Interventions } from "./runner";

export interface ActionChoice {
  readonly name: "zero" | "mean" | "scale" | "set";
  readonly label: string;
  readonly note: string;
}

export const ZERO: ActionChoice = { name: "zero", label: "zero", note: "the neurons are set to zero" };
export const MEAN: ActionChoice = { name: "mean", label: "mean", note: "held at their mean over this text" };
export const SCALE: ActionChoice = { name: "scale", label: "scale", note: "multiplied by a number" };
export const SET: ActionChoice = { name: "set", label: "set", note: "set to a number at every token" };

/** Numbers of neurons that are offered besides all of them. */
const TOPS = [10, 30, 100, 300, 1000, 3000, 10_000];

interface FormProps {
  runner: Interventions;
  actions: readonly ActionChoice[];
  /** What it is asked for, apart from how. */
  params: Readonly<Record<string, unknown>>;
  /** How many neurons there are; null where there is nothing to choose. */
  count: number | null;
  /** Can all of them be changed at once? Where every neuron has a loading, that would be the whole model. */
  all?: boolean;
  /** Why it can't be done; empty if it can. */
  unavailable: string;
  button: string;
}

export function InterventionForm({ runner, actions, params, count, all = true, unavailable, button }: FormProps) {
  const running = useValue(runner.running);
  const failure = useValue(runner.failure);
  const [action, setAction] = useState<ActionChoice["name"]>("zero");
  const [top, setTop] = useState(all ? "all" : String(topsOf(count ?? 0).at(-1) ?? 1));
  const [value, setValue] = useState("2");
  const needsValue = action === "scale" || action === "set";
  const number = Number(value.replace(",", ".").replace("\u2212", "-"));
  const valid = !needsValue || (value.trim() !== "" && Number.isFinite(number));
  const refused = unavailable || (valid ? "" : "needs a number");
  const run = () => {
    if (refused) return;
    const how = { action, ...(needsValue ? { value: number } : {}) };
    void runner.run({ ...params, ...(count === null ? {} : { top: top === "all" ? null : Number(top) }), ...how });
  };
  return (
    <div class="ew-intervene">
      {count !== null && <TopMenu count={count} all={all} value={top} onChoose={setTop} />}
      <Segmented
        label="what is done to them"
        choices={actions}
        value={action}
        onChoose={(name) => setAction(name as ActionChoice["name"])}
      />
      {needsValue && (
        <input
          class="ew-number"
          type="text"
          inputMode="decimal"
          aria-label={action === "scale" ? "factor to scale by" : "value to set"}
          aria-invalid={!valid}
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Enter" && !event.shiftKey) run();
          }}
        />
      )}
      {running ? (
        <span class="ew-intervene-running">
          <progress
            class="ew-intervene-progress"
            aria-label={running.progress?.label ?? "running"}
            {...(running.progress ? { value: running.progress.done, max: Math.max(1, running.progress.total) } : {})}
          />
          <button type="button" class="ew-link" onClick={() => runner.cancel()}>
            cancel
          </button>
        </span>
      ) : (
        <button type="button" class="ew-button" aria-disabled={refused !== ""} title={refused} onClick={run}>
          {button}
        </button>
      )}
      {unavailable && <span class="ew-intervene-note">{unavailable}</span>}
      {failure && (
        <span class="ew-intervene-failure" role="alert">
          {failure}
        </span>
      )}
    </div>
  );
}

/** Numbers that are offered without all: not so many that it is nearly all. */
function topsOf(count: number): number[] {
  return TOPS.filter((top) => top < count).slice(0, 5);
}

interface TopProps {
  count: number;
  all: boolean;
  value: string;
  onChoose(top: string): void;
}

function TopMenu({ count, all, value, onChoose }: TopProps) {
  const few = all ? TOPS.filter((top) => top < count) : topsOf(count);
  const every = { name: "all", label: `all ${formatCount(count)}`, note: "every neuron with a loading" };
  const choices = [
    ...(all ? [every] : []),
    ...few.map((top) => ({
      name: String(top),
      label: `top ${formatCount(top)}`,
      note: "those with the largest loadings",
    })),
  ];
  const chosen = choices.find(({ name }) => name === value) ?? choices[0];
  return (
    <Menu
      label="how many of its neurons"
      choices={choices}
      value={chosen?.name ?? "all"}
      onChoose={onChoose}
      className="ew-select ew-quiet-select"
      title="which of its neurons are changed"
    >
      {chosen?.label ?? "all"}
      <Caret />
    </Menu>
  );
}
