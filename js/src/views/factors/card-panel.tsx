/** The card of one factor: how large it is, where it fires, what it does; and the text without it. */
import type { ComponentChildren } from "preact";
import { formatCount, formatShare, formatValue } from "../../charts/format";
import type { FactorCard } from "../../generated/factors";
import { ColumnChart } from "../../ui/column-chart";
import type { Sparklines } from "../../ui/sparklines/sparklines";
import { useValue } from "../../ui/use-value";
import { InterventionForm, MEAN, SCALE, ZERO } from "../interventions/form";
import { AblationResult } from "../interventions/result";
import { PlaceChips, ScoredChips } from "../shared/vocabulary";
import { formatExplained } from "./describe";
import { factorName } from "./factor-set";
import type { FactorsStore } from "./store";
import { factorColor, type ViewState } from "./view-state";

interface PanelProps {
  store: FactorsStore;
  view: ViewState;
  list: Sparklines;
}

/** Factors it shares neurons with that are listed. */
const SHARED = 8;

export function CardPanel({ store, view, list }: PanelProps) {
  const id = useValue(store.traits.card);
  const card = useValue(store.card);
  const palette = useValue(view.palette);
  const phase = useValue(store.phase);
  if (id === null) return null;
  const close = () => {
    store.openCard(null);
    list.focus(String(id));
  };
  return (
    <section
      class="ew-card"
      aria-label={`Factor ${factorName(id)}`}
      data-id={id}
      style={{ "--ew-mark": factorColor(palette, id) }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) close();
      }}
    >
      <div class="ew-card-head">
        <span class="ew-swatch" />
        <b class="ew-card-title">factor {factorName(id)}</b>
        {card && <Size card={card} />}
        <span class="ew-card-tools">
          <button
            type="button"
            class="ew-icon-button"
            aria-label="close the card"
            title="close (Escape)"
            onClick={close}
          >
            ×
          </button>
        </span>
      </div>
      {card ? (
        <>
          <Facts store={store} view={view} card={card} />
          <Ablate store={store} card={card} color={factorColor(palette, id)} />
        </>
      ) : (
        <div class="ew-card-wait">{phase === "computing" ? "…" : "Its statistics are not here."}</div>
      )}
    </section>
  );
}

function Size({ card }: { card: FactorCard }) {
  const explained = formatExplained(card.explained);
  return (
    <span class="ew-card-size">
      {formatCount(card.n_neurons)} neurons ({formatShare(card.share)}){explained && ` · explains ${explained}`}
    </span>
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

function Facts({ store, view, card }: { store: FactorsStore; view: ViewState; card: FactorCard }) {
  const tokens = useValue(view.tokens);
  const palette = useValue(view.palette);
  const set = useValue(store.factors);
  const columns = card.layers.map((layer, i) => ({
    value: card.by_layer[i] ?? 0,
    title: `layer ${layer}: ${formatCount(card.by_layer[i] ?? 0)} neurons`,
  }));
  const shared = card.shared.filter(({ id, n }) => n > 0 && set?.ids.includes(id));
  return (
    <div class="ew-card-facts">
      <dl>
        <Fact name="fires at" title="where its loading is largest">
          <PlaceChips
            positions={card.top_tokens}
            tokens={tokens}
            onPoint={(position) => {
              view.inText.value = false;
              view.token.value = position;
              store.mark(position);
            }}
          />
        </Fact>
        <Fact name="layers" title="how many of its neurons are in each layer">
          <ColumnChart
            columns={columns}
            label="neurons of each layer"
            ends={[`${card.layers[0] ?? 0}`, `${card.layers.at(-1) ?? 0}`]}
          />
        </Fact>
        <Fact name="shares with" title="neurons that it has in common with another factor">
          <span class="ew-chips">
            {shared.length === 0 && <span class="ew-quiet">no other factor</span>}
            {shared.slice(0, SHARED).map(({ id, n }) => (
              <button
                key={id}
                type="button"
                class="ew-fact-chip ew-shared-chip"
                data-id={id}
                style={{ "--ew-mark": factorColor(palette, id) }}
                title={`${formatCount(n)} neurons in common with factor ${factorName(id)}; press to open it`}
                onClick={() => store.openCard(id)}
              >
                <span class="ew-swatch" /> {factorName(id)} <span class="ew-quiet">{formatCount(n)}</span>
              </button>
            ))}
          </span>
        </Fact>
      </dl>
      <dl>
        {card.no_vocabulary ? (
          <Fact name="promotes">
            <span class="ew-quiet">{card.no_vocabulary}</span>
          </Fact>
        ) : (
          <>
            <Fact name="promotes" title="what its neurons' output directions raise, through final norm and unembedding">
              <ScoredChips tokens={card.promotes} />
            </Fact>
            <Fact name="suppresses" title="what they lower">
              <ScoredChips tokens={card.suppresses} />
            </Fact>
          </>
        )}
        <Fact name="top neurons" title="layer · index, largest loading first">
          <span class="ew-chips">
            {card.top_neurons.map(({ layer, index, loading }) => (
              <span
                key={`${layer} ${index}`}
                class="ew-fact-chip ew-neuron-chip"
                title={`layer ${layer}, neuron ${index}, loading ${formatValue(loading)}`}
              >
                {layer}·{index}
              </span>
            ))}
          </span>
        </Fact>
      </dl>
    </div>
  );
}

function Ablate({ store, card, color }: { store: FactorsStore; card: FactorCard; color: string }) {
  const { ablation: reason } = useValue(store.traits._bounds);
  const result = useValue(store.ablations.result);
  const factors = useValue(store.factors);
  const marked = useValue(store.traits.marked);
  const { texts } = useValue(store.traits._bounds);
  useValue(store.connection.state);
  const refining = factors?.spec === card.spec && factors.done ? "" : "the factors are not finished";
  const unavailable = reason || (store.connection.open ? refining : "needs a kernel");
  // Of a batch: the text that is pointed at, else the one it fires at most.
  const at = marked ?? card.top_tokens[0] ?? 0;
  const text = texts.findIndex(({ start, stop }) => at >= start && at < stop);
  const params = { id: card.id, ...(texts.length > 1 && text >= 0 ? { text } : {}) };
  const ours = result !== null && result.id === card.id && result.spec === card.spec;
  return (
    <div class="ew-card-ablate">
      <InterventionForm
        key={`${card.id} ${factors?.signed}`}
        runner={store.ablations}
        actions={[ZERO, MEAN, SCALE]}
        params={params}
        count={card.n_neurons}
        all={factors?.signed !== true}
        unavailable={unavailable}
        button="Ablate and regenerate"
      />
      {ours && (
        <AblationResult
          ablation={result}
          color={color}
          what={`factor ${factorName(card.id)}`}
          start={texts[result.text]?.start ?? 0}
        />
      )}
    </div>
  );
}
