/** What the views of one LayerPredictions widget share. */
import { type LayerPredictionsTraits, layerPredictionsTraitNames } from "../../generated/layer_predictions";
import type { AnyModel } from "../../host/anywidget";
import { type LiveDefinition, VIEW_CHANNEL } from "../../host/live-store";
import type { TraitChanges } from "../../host/live-types";
import type { Clock } from "../../host/requests";
import { LENS_CHANNELS, LensStore } from "../lens/store";
import { TopResults } from "../lens/top-results";

const DEFINITION: LiveDefinition<LayerPredictionsTraits> = {
  names: layerPredictionsTraitNames,
  channels: { ...LENS_CHANNELS, layers: VIEW_CHANNEL },
  saved: ["_top", "_kept"],
  told: ["_watched"],
};

type Changes = TraitChanges<LayerPredictionsTraits>;

export class LayerPredictionsStore extends LensStore<LayerPredictionsTraits> {
  readonly tops: TopResults;

  constructor(model: AnyModel, ended: AbortSignal, clock?: Clock) {
    super(DEFINITION, model, ended, clock);
    this.tops = new TopResults(this.traits, ended);
    this.restoreSaved();
  }

  override hasFor(changes: Changes): boolean {
    const { position, topk, final_norm, site } = changes;
    return this.tops.has({
      ...(position === undefined ? {} : { position }),
      ...(topk === undefined ? {} : { topk }),
      ...(final_norm === undefined ? {} : { final_norm }),
      ...(site === undefined ? {} : { site }),
    });
  }

  protected override atHand(): boolean {
    return this.tops.current.value !== null;
  }

  protected override wanted(): boolean {
    return this.traits.position.value !== null;
  }

  protected override question(): Changes {
    return { position: this.traits.position.value };
  }

  protected override take(data: Readonly<Record<string, unknown>>): void {
    this.tops.take(data.top);
  }

  protected override takeSaved(): void {
    const { _top, _kept } = this.traits;
    // Other positions, in exported pages.
    for (const top of Array.isArray(_kept.value) ? _kept.value : []) this.tops.take(top);
    this.tops.take(_top.value);
  }
}
