/** One neuron: where it fires, what it does, and the text with it changed. */
import type { ComponentChildren } from "preact";
import { categorical } from "../../charts/categorical";
import { formatValue } from "../../charts/format";
import { ColumnChart } from "../../ui/column-chart";
import type { Heatmap } from "../../ui/heatmap/heatmap";
import { useValue } from "../../ui/use-value";
import { InterventionForm, MEAN, SCALE, SET, ZERO } from "../interventions/form";
import { AblationResult } from "../interventions/result";
import { PlaceChips, ScoredChips } from "../shared/vocabulary";
import { histogramColumns } from "./describe";
import type { Neuron } from "./neuron-map";
import type { NeuronsStore } from "./store";
import { clusterColor, type ViewState } from "./view-state";

interface PanelProps {
  store: NeuronsStore;
  view: ViewState;
  map: Heatmap;
}

export function NeuronPanel({ store, view, map }: PanelProps) {
  const index = useValue(store.traits.selected);
  const layer = useValue(store.traits.layer);
  const neuron = useValue(store.neuron);
  const phase = useValue(store.phase);
  const picture = useValue(view.picture);
  const theme = useValue(view.theme);
  if (index === null) return null;
  const row = picture?.map.neurons.indexOf(index) ?? -1;
  const { colors } = categorical(theme);
  const color = row < 0 ? "var(--ew-accent)" : clusterColor(colors, picture?.map.cluster[row] ?? 0);
  const close = () => {
    store.select(null);
    map.focus();
  };
  return (
    <section
      class="ew-card ew-neuron-card"
      aria-label={`Neuron ${index} of layer ${layer}`}
      data-index={index}
      style={{ "--ew-mark": color }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) close();
      }}
    >
      <div class="ew-card-head">
        <span class="ew-swatch" />
        <b class="ew-card-title">neuron {index}</b>
        <span class="ew-card-size">
          layer {layer}
          {row < 0 ? " · not among those shown" : ` · cluster ${(picture?.map.cluster[row] ?? 0) + 1}`}
        </span>
        <span class="ew-card-tools">
          <Step store={store} by={-1} name="the one above in the map" sign="↑" />
          <Step store={store} by={1} name="the one below in the map" sign="↓" />
          <button
            type="button"
            class="ew-icon-button"
            aria-label="close the neuron"
            title="close (Escape)"
            onClick={close}
          >
            ×
          </button>
        </span>
      </div>
      {neuron ? (
        <>
          <Facts store={store} view={view} neuron={neuron} />
          <Intervene store={store} neuron={neuron} color={color} />
        </>
      ) : (
        <div class="ew-card-wait">{phase === "computing" ? "…" : "It was not saved in this page."}</div>
      )}
    </section>
  );
}

function Step({ store, by, name, sign }: { store: NeuronsStore; by: 1 | -1; name: string; sign: string }) {
  return (
    <button type="button" class="ew-icon-button" aria-label={name} title={name} onClick={() => store.step(by)}>
      {sign}
    </button>
  );
}

function Fact({ name, title, children }: { name: string; title?: string; children: ComponentChildren }) {
  return (
    <>
      <dt title={title}>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Facts({ store, view, neuron }: { store: NeuronsStore; view: ViewState; neuron: Neuron }) {
  const tokens = useValue(view.tokens);
  const { edges, counts } = neuron.histogram;
  return (
    <div class="ew-card-facts">
      <dl>
        <Fact name="fires at" title="where its activation is largest">
          <PlaceChips
            positions={neuron.topTokens}
            tokens={tokens}
            onPoint={(position) => {
              view.token.value = position;
              store.mark(position);
            }}
          />
        </Fact>
        {counts.length > 0 && (
          <Fact name="activations" title="how often which activation occurs (logarithmic)">
            <ColumnChart
              columns={histogramColumns(neuron.histogram)}
              label="activations of this neuron"
              ends={[formatValue(edges[0] ?? 0), formatValue(edges.at(-1) ?? 0)]}
              logarithmic
            />
          </Fact>
        )}
      </dl>
      <dl>
        {neuron.noVocabulary ? (
          <Fact name="promotes">
            <span class="ew-quiet">{neuron.noVocabulary}</span>
          </Fact>
        ) : (
          <>
            <Fact name="promotes" title="what its output direction raises, through final norm and unembedding">
              <ScoredChips tokens={neuron.promotes} />
            </Fact>
            <Fact name="suppresses" title="what it lowers">
              <ScoredChips tokens={neuron.suppresses} />
            </Fact>
          </>
        )}
      </dl>
    </div>
  );
}

const ACTIONS = [
  { ...ZERO, note: "it is set to zero" },
  { ...MEAN, note: "held at its mean over this text" },
  SCALE,
  SET,
];

function Intervene({ store, neuron, color }: { store: NeuronsStore; neuron: Neuron; color: string }) {
  const { ablation: reason } = useValue(store.traits._bounds);
  const result = useValue(store.interventions.result);
  useValue(store.connection.state);
  const ours = result !== null && result.spec === neuron.spec;
  return (
    <div class="ew-card-ablate">
      <InterventionForm
        key={neuron.spec}
        runner={store.interventions}
        actions={ACTIONS}
        params={{ layer: neuron.layer, index: neuron.index }}
        count={null}
        unavailable={reason || (store.connection.open ? "" : "needs a kernel")}
        button="Intervene and regenerate"
      />
      {ours && <AblationResult ablation={result} color={color} what={`neuron ${neuron.index}`} />}
    </div>
  );
}
