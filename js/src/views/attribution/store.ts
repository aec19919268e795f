/** What the views of one attribution widget share: its traits, the rows received, what is being computed. */
import { computed, effect, type ReadonlySignal } from "@preact/signals-core";
import { type AttributionTraits, attributionTraitNames } from "../../generated/attribution";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { onAbort } from "../../host/listen";
import { type LiveDefinition, LiveStore, MARK_CHANNEL, VIEW_CHANNEL } from "../../host/live-store";
import type { ErrorDescription } from "../../host/messages";
import type { Clock, InFlight } from "../../host/requests";
import { type Row, RowCache, readRows } from "./rows";
import { isSigned, rowsKey, specKey } from "./spec";
import type { Changes, Painted } from "./store-types";

const DEFINITION: LiveDefinition<AttributionTraits> = {
  names: attributionTraitNames,
  channels: { pinned: VIEW_CHANNEL, view_style: VIEW_CHANNEL, scale: VIEW_CHANNEL, marked: MARK_CHANNEL },
  saved: ["_rows"],
};

export class AttributionStore extends LiveStore<AttributionTraits> {
  readonly spec: ReadonlySignal<string>;
  readonly signed: ReadonlySignal<boolean>;
  /** The row of the current spec and position, if it is at hand. */
  readonly row: ReadonlySignal<Row | null>;
  /** What the colours show: the current row, or the last one that was at hand. */
  readonly painted: ReadonlySignal<Painted | null>;
  /** Largest absolute value that the colours span. */
  readonly domain: ReadonlySignal<number>;

  readonly #key: ReadonlySignal<string>;
  readonly #rows = new RowCache();

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(DEFINITION, model, ended, clock);
    const { traits } = this;
    this.spec = computed(() =>
      specKey({
        method: traits.attr_method.value,
        target: traits.target.value,
        foil: traits.foil.value,
        aggregation: traits.aggregation.value,
      }),
    );
    this.#key = computed(() => rowsKey(traits._tokens.value.run, this.spec.value));
    this.signed = computed(() => isSigned(traits.aggregation.value, traits._options.value.aggregations));
    this.row = computed(() => {
      this.#rows.version.value;
      return this.#rows.get(this.#key.value, traits.position.value);
    });
    let last: Painted | null = null;
    let lastRun = "";
    this.painted = computed(() => {
      const row = this.row.value;
      const { run } = traits._tokens.value;
      if (run !== lastRun) last = null;
      lastRun = run;
      if (row) last = { spec: this.spec.value, position: row.position, row };
      else if (traits.position.value === null) last = null;
      return last;
    });
    this.domain = computed(() => {
      const painted = this.painted.value;
      this.#rows.version.value;
      if (!painted) return 0;
      if (traits.scale.value === "row") return painted.row.max;
      return this.#rows.max(rowsKey(traits._tokens.value.run, painted.spec), traits._tokens.value.n_prompt);
    });
    this.restoreSaved();
    // What was painted last is remembered even while no view looks.
    onAbort(
      ended,
      effect(() => void this.painted.value),
    );
  }

  /** Can this position be shown, now or by asking the kernel? */
  canShow(position: number): boolean {
    if (!this.traits._tokens.value.explainable.includes(position)) return false;
    return this.connection.open || this.#rows.get(this.#key.value, position) !== null;
  }

  /** How many rows of the current spec are at hand. */
  get rowsAtHand(): number {
    this.#rows.version.value;
    return this.#rows.count(this.#key.value);
  }

  /** Has the page a row of the spec that this change would lead to? */
  hasRowsFor(changes: Changes): boolean {
    this.#rows.version.value;
    const { attr_method, target, foil, aggregation, _tokens } = this.traits;
    const spec = specKey({
      method: changes.attr_method ?? attr_method.value,
      target: changes.target ?? target.value,
      foil: changes.foil === undefined ? foil.value : changes.foil,
      aggregation: changes.aggregation ?? aggregation.value,
    });
    return this.#rows.count(rowsKey(_tokens.value.run, spec)) > 0;
  }

  /** Explains this token. */
  choose(position: number): void {
    if (position !== this.traits.position.value && this.canShow(position)) this.apply({ position });
  }

  protected override atHand(): boolean {
    return this.row.value !== null;
  }

  protected override wanted(): boolean {
    return this.traits.position.value !== null;
  }

  protected override question(): Changes {
    return { position: this.traits.position.value };
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    if (data.rows) this.#takeRows(data.rows);
  }

  protected override takeSaved(): void {
    const saved: unknown = this.traits._rows.value;
    if (isRecord(saved) && saved.spec) this.#takeRows(saved);
  }

  protected override aboutOf(request: InFlight | null, error: ErrorDescription): string {
    return request && "foil" in request.params && error.kind === "invalid_input" ? "foil" : "widget";
  }

  #takeRows(source: unknown): void {
    const { run, texts } = this.traits._tokens.value;
    // Rows of a run that is no longer shown may come late; nobody will look at them.
    if (isRecord(source) && typeof source.spec === "string" && !source.spec.startsWith(`${run}|`)) return;
    this.#rows.add(readRows(source, texts.length));
  }
}
