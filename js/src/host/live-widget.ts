/** A live widget, as anywidget loads it: a store for each model, and the views of it. */
import type { AnyModel, WidgetDefinition } from "./anywidget";
import type { Connection } from "./connection";
import { childController } from "./listen";

interface Store {
  readonly connection: Connection;
  owns(model: AnyModel): boolean;
}

/**
 * What an entry exports by default.
 *
 * @param createStore Makes the store of a model; it ends with the signal.
 * @param render Draws a view into an element; it ends with the signal, or with the controller that comes back.
 */
export function liveWidget<S extends Store>(
  createStore: (model: AnyModel, ended: AbortSignal) => S,
  render: (store: S, el: HTMLElement, signal: AbortSignal) => AbortController,
): () => WidgetDefinition {
  // anywidget calls this once per model (other hosts: once for all), so stores are found by their model.
  return () => {
    const stores = new Set<S>();

    function create(model: AnyModel, ended: AbortSignal): S {
      const store = createStore(model, ended);
      stores.add(store);
      ended.addEventListener("abort", () => stores.delete(store), { once: true });
      return store;
    }

    return {
      initialize({ model, signal }) {
        const controller = childController(signal);
        create(model, controller.signal);
        return () => controller.abort();
      },
      render({ model, el, signal }) {
        const own = childController(signal);
        // Hosts that skip `initialize` get a store that lives as long as the view.
        const store = [...stores].find((candidate) => candidate.owns(model)) ?? create(model, own.signal);
        const view = render(store, el, own.signal);
        store.connection.attach(model, el, view.signal);
        return () => own.abort();
      },
    };
  };
}
