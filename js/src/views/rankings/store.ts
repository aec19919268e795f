/** What the views of one rankings widget share: its grids, and the layer predictions of the position that is opened. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { type RankingsTraits, rankingsTraitNames } from "../../generated/rankings";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { VIEW_CHANNEL } from "../../host/live-store";
import type { TraitChanges } from "../../host/live-types";
import type { Clock } from "../../host/requests";
import { LENS_CHANNELS, type LensChanges, LensStore } from "../lens/store";
import type { LensTop } from "../lens/top";
import { TopResults } from "../lens/top-results";
import { type Grid, gridSpec, readGrid, topOf } from "./grid";

/** Opening a panel and computing a grid neither merge nor wait for one another. */
const OPENED_CHANNEL = "opened";

/** Grids that are kept, to go back to: so many choices, and so many cells (of 60 bytes or so). */
const MOST_GRIDS = 12;
const MOST_CELLS = 500_000;

type GridChanges = Partial<Pick<RankingsTraits, "scope" | "final_norm" | "site">>;

export class RankingsStore extends LensStore<RankingsTraits> {
  readonly tops: TopResults;
  /** The grid of the current choice, if it is at hand. */
  readonly grid: ReadonlySignal<Grid | null>;
  /** What the picture shows: the current grid, or the last one that was at hand. */
  readonly painted: ReadonlySignal<Grid | null>;
  /** The layer predictions in the panel: those asked for, or as many as the grid has when nobody can be asked. */
  readonly opened: {
    readonly current: ReadonlySignal<LensTop | null>;
    readonly painted: ReadonlySignal<LensTop | null>;
  };

  readonly #grids = new Map<string, Grid>();
  readonly #version = signal(0);

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(
      {
        names: rankingsTraitNames,
        channels: { ...LENS_CHANNELS, measure: VIEW_CHANNEL, position: OPENED_CHANNEL, topk: OPENED_CHANNEL },
        alsoComputing: [OPENED_CHANNEL],
        saved: ["_grid", "_top", "_kept"],
        told: ["_watched"],
      },
      model,
      ended,
      clock,
    );
    const { traits } = this;
    this.tops = new TopResults(traits, ended);
    this.grid = computed(() => this.#gridFor({}));
    let last: Grid | null = null;
    let lastRun = "";
    this.painted = computed(() => {
      const { run } = traits._tokens.value;
      if (run !== lastRun) last = null;
      lastRun = run;
      last = this.grid.value ?? last;
      return last;
    });
    const current = computed(() => {
      const position = traits.position.value;
      const found = this.tops.current.value;
      return found || position === null || this.connection.open ? found : this.#fromGrid(position);
    });
    this.opened = { current, painted: computed(() => current.value ?? this.tops.painted.value) };
    this.restoreSaved();
    // What was painted last is remembered even while no view looks.
    ended.addEventListener(
      "abort",
      effect(() => void this.painted.value),
      { once: true },
    );
  }

  override hasFor(changes: LensChanges & GridChanges & { readonly position?: number | null }): boolean {
    const { position, ...others } = changes;
    const grid = this.#gridFor(others);
    if (position === undefined || position === null) return grid !== null;
    return this.tops.has({ ...others, position }) || grid?.positions.includes(position) === true;
  }

  /** Opens the layer predictions of a position, or closes them if they are those. */
  toggle(position: number): void {
    this.choose(position === this.traits.position.value ? null : position);
  }

  protected override atHand(): boolean {
    const opened = this.traits.position.value !== null;
    return this.grid.value !== null && (!opened || this.tops.current.value !== null);
  }

  protected override wanted(): boolean {
    return this.traits._tokens.value.explainable.length > 0;
  }

  protected override question(): TraitChanges<RankingsTraits> {
    const { scope, position } = this.traits;
    const opened = position.value !== null && this.tops.current.value === null;
    const grid = this.grid.value === null || !opened;
    return { ...(grid ? { scope: scope.value } : {}), ...(opened ? { position: position.value } : {}) };
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    this.#takeGrid(data.grid);
    this.tops.take(data.top);
  }

  protected override takeSaved(): void {
    const { _grid, _top, _kept } = this.traits;
    this.#takeGrid(_grid.value);
    this.tops.take(_top.value);
    for (const top of Array.isArray(_kept.value) ? _kept.value : []) this.tops.take(top);
  }

  /** Takes a grid; an empty object and those of other runs are nothing. */
  #takeGrid(source: unknown): void {
    if (!isRecord(source) || typeof source.spec !== "string") return;
    if (!source.spec.startsWith(`${this.traits._tokens.value.run}|`)) return;
    const grid = readGrid(source);
    this.#grids.delete(grid.spec);
    this.#grids.set(grid.spec, grid);
    for (const oldest of this.#grids.keys()) {
      const cells = [...this.#grids.values()].reduce(
        (sum, { layers, positions }) => sum + layers * positions.length,
        0,
      );
      if ((this.#grids.size <= MOST_GRIDS && cells <= MOST_CELLS) || oldest === grid.spec) break;
      this.#grids.delete(oldest);
    }
    this.#version.value = this.#version.peek() + 1;
  }

  #gridFor(changes: GridChanges): Grid | null {
    this.#version.value;
    const { _tokens, scope, final_norm, site } = this.traits;
    const choice = { scope: scope.value, final_norm: final_norm.value, site: site.value, ...changes };
    return this.#grids.get(gridSpec({ run: _tokens.value.run, ...choice })) ?? null;
  }

  #fromGrid(position: number): LensTop | null {
    const { ids, texts } = this.traits._tokens.value;
    const actual = { id: ids[position] ?? -1, text: texts[position] ?? "" };
    return this.grid.value ? topOf(this.grid.value, position, actual) : null;
  }
}
