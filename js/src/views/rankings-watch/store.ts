/** What the views of one RankingsWatch widget share. */
import { computed, effect, type ReadonlySignal } from "@preact/signals-core";
import { type RankingsWatchTraits, rankingsWatchTraitNames } from "../../generated/rankings_watch";
import type { TokenChoice } from "../../generated/shared";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { onAbort } from "../../host/listen";
import { type LiveDefinition, ROW_CHANNEL, VIEW_CHANNEL } from "../../host/live-store";
import type { TraitChanges } from "../../host/live-types";
import type { Clock } from "../../host/requests";
import { LENS_CHANNELS, LensStore } from "../lens/store";
import { placeKey, RankCache, type RankColumn, readRanks } from "./ranks";

const DEFINITION: LiveDefinition<RankingsWatchTraits> = {
  names: rankingsWatchTraitNames,
  // Another token here is another question.
  channels: { ...LENS_CHANNELS, watch: ROW_CHANNEL, view_style: VIEW_CHANNEL },
  saved: ["_ranks", "_kept"],
  told: ["_watched"],
};

type Changes = TraitChanges<RankingsWatchTraits>;

export interface WatchedToken extends TokenChoice {
  /** Its place among the watched tokens: its colour. */
  readonly place: number;
  /** Null while it is computed. */
  readonly column: RankColumn | null;
}

export interface PaintedRanks {
  /** `run|position|final_norm|site` */
  readonly place: string;
  readonly position: number;
  readonly tokens: readonly WatchedToken[];
}

export class RankingsWatchStore extends LensStore<RankingsWatchTraits> {
  /** Are the ranks of all watched tokens at hand? */
  readonly allAtHand: ReadonlySignal<boolean>;
  /** What is drawn: where some of the present ranks are at hand those, else the last ones; null without a position. */
  readonly painted: ReadonlySignal<PaintedRanks | null>;
  /** What is drawn belongs to the present choice. */
  readonly fresh: ReadonlySignal<boolean>;

  readonly #place: ReadonlySignal<string>;
  readonly #ranks = new RankCache();

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(DEFINITION, model, ended, clock);
    const { traits } = this;
    this.#place = computed(() => this.#placeOf({}));
    this.allAtHand = computed(() => {
      this.#ranks.version.value;
      return traits.watch.value.every((id) => this.#ranks.get(this.#place.value, id) !== null);
    });
    let last: { place: string; position: number } | null = null;
    this.painted = computed(() => {
      const place = this.#place.value;
      const position = traits.position.value;
      const { run } = traits._tokens.value;
      this.#ranks.version.value;
      if (position === null || (last && !last.place.startsWith(`${run}|`))) last = null;
      if (position === null) return null;
      const watched = this.watched.value;
      const some = watched.some(({ id }) => this.#ranks.get(place, id) !== null);
      if (some || last === null || watched.length === 0) last = { place, position };
      const shown = last;
      const tokens = watched.map((token, i) => ({
        ...token,
        place: i,
        column: this.#ranks.get(shown.place, token.id),
      }));
      return { ...shown, tokens };
    });
    this.fresh = computed(() => this.painted.value === null || this.painted.value.place === this.#place.value);
    this.restoreSaved();
    onAbort(
      ended,
      effect(() => void this.painted.value),
    );
  }

  override hasFor(changes: Changes): boolean {
    this.#ranks.version.value;
    const place = this.#placeOf(changes);
    const watch = changes.watch ?? this.traits.watch.value;
    return watch.every((id) => this.#ranks.get(place, id) !== null);
  }

  protected override atHand(): boolean {
    return this.allAtHand.value;
  }

  protected override wanted(): boolean {
    return this.traits.position.value !== null && this.traits.watch.value.length > 0;
  }

  protected override question(): Changes {
    return { position: this.traits.position.value };
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    this.#take(data.ranks);
  }

  protected override takeSaved(): void {
    const { _ranks, _kept } = this.traits;
    // Other positions, in exported pages.
    for (const ranks of Array.isArray(_kept.value) ? _kept.value : []) this.#take(ranks);
    this.#take(_ranks.value);
  }

  #take(source: unknown): void {
    if (!isRecord(source) || typeof source.spec !== "string") return;
    if (source.spec.startsWith(`${this.traits._tokens.value.run}|`)) this.#ranks.add(readRanks(source));
  }

  #placeOf(changes: Changes): string {
    const { _tokens, position, final_norm, site } = this.traits;
    return placeKey({
      run: _tokens.value.run,
      position: changes.position === undefined ? position.value : changes.position,
      final_norm: changes.final_norm ?? final_norm.value,
      site: changes.site ?? site.value,
    });
  }
}
