/** The bar above the picture: what is shown, of which tokens, how the lens reads. */
import { Group } from "../../ui/group";
import { Segmented } from "../../ui/segmented";
import { useValue } from "../../ui/use-value";
import { LensBar, NormToggle, OrderToggle, SiteMenu } from "../lens/controls";
import { hasScopes } from "./describe";
import type { MeasureName } from "./grid";
import { MEASURES } from "./measures";
import type { RankingsStore } from "./store";
import type { ViewState } from "./view-state";

const NOT_SAVED = "not saved in this page";

const SCOPES = [
  { name: "generated", label: "generated", note: "the tokens that the model has generated" },
  { name: "all", label: "all tokens", note: "those of the prompt, too" },
] as const;

interface ControlsProps {
  store: RankingsStore;
  view: ViewState;
}

export function Controls({ store, view }: ControlsProps) {
  const measure = useValue(store.traits.measure);
  return (
    <LensBar store={store} frame={view} label="What the map shows">
      <Group label="show">
        <Segmented
          label="measure"
          choices={MEASURES}
          value={measure}
          onChoose={(name) => store.apply({ measure: name as MeasureName })}
        />
      </Group>
      <Scope store={store} view={view} />
      <NormToggle store={store} />
      <SiteMenu store={store} />
      <OrderToggle store={store} />
    </LensBar>
  );
}

/** Generated tokens, or those of the prompt too; absent where that is the same. */
function Scope({ store, view }: ControlsProps) {
  const scope = useValue(store.traits.scope);
  const tokens = useValue(store.traits._tokens);
  const width = useValue(view.width);
  useValue(store.connection.state);
  useValue(store.grid);
  if (!hasScopes(tokens)) return null;
  const choices = SCOPES.map((choice) => ({
    ...choice,
    unavailable: store.connection.open || store.hasFor({ scope: choice.name }) ? "" : NOT_SAVED,
  }));
  return (
    <Group label="of">
      <Segmented
        label="which tokens"
        choices={choices}
        value={scope}
        compact={width === "narrow"}
        onChoose={(name) => store.apply({ scope: name as (typeof SCOPES)[number]["name"] })}
      />
    </Group>
  );
}
