/** AttributionWidget, as anywidget loads it. */
import "../styles/attribution.css";
import type { AnyModel, WidgetDefinition } from "../host/anywidget";
import { childController } from "../host/listen";
import { AttributionStore } from "../views/attribution/store";
import { renderAttribution } from "../views/attribution/view";

/** anywidget calls this once per model (other hosts: once for all), so stores are found by their model. */
export default function attributionWidget(): WidgetDefinition {
  const stores = new Set<AttributionStore>();

  function createStore(model: AnyModel, ended: AbortSignal): AttributionStore {
    const store = new AttributionStore(model, ended);
    stores.add(store);
    ended.addEventListener("abort", () => stores.delete(store), { once: true });
    return store;
  }

  return {
    initialize({ model, signal }) {
      const controller = childController(signal);
      createStore(model, controller.signal);
      return () => controller.abort();
    },
    render({ model, el, signal }) {
      const own = childController(signal);
      // Hosts that skip `initialize` get a store that lives as long as the view.
      const store = [...stores].find((candidate) => candidate.owns(model)) ?? createStore(model, own.signal);
      const view = renderAttribution(store, el, own.signal);
      store.connection.attach(model, el, view.signal);
      return () => own.abort();
    },
  };
}
