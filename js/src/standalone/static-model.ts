/** A model over saved state: what anywidget would hand to a widget, without a kernel (or with a stand-in for one). */
import type { AnyModel, ModelCallback } from "../host/anywidget";

/** Saved state as ipywidgets writes it: JSON, and its buffers apart with the paths they belong to. */
export interface SavedState {
  readonly state: Readonly<Record<string, unknown>>;
  readonly buffers?: ReadonlyArray<{
    readonly path: ReadonlyArray<string | number>;
    readonly data: string;
    readonly encoding: "base64" | "hex";
  }>;
}

export type Send = (content: unknown) => void;

function decodeBytes(data: string, encoding: string): DataView {
  if (encoding === "base64") {
    return new DataView(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)).buffer);
  }
  if (encoding === "hex") {
    return new DataView(Uint8Array.from(data.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).buffer);
  }
  throw new Error(`[ecco_widgets] buffers must be base64 or hex, got ${encoding}`);
}

/** Puts each buffer back to where it was taken from. */
export function restoreState({ state, buffers = [] }: SavedState): Record<string, unknown> {
  const restored = structuredClone(state) as Record<string, unknown>;
  for (const { path, data, encoding } of buffers) {
    let target = restored;
    for (const key of path.slice(0, -1)) {
      const next = target[key];
      if (typeof next !== "object" || next === null) {
        throw new Error(`[ecco_widgets] the saved state has nothing at ${path.join(".")}`);
      }
      target = next as Record<string, unknown>;
    }
    const last = path.at(-1);
    if (last !== undefined) target[last] = decodeBytes(data, encoding);
  }
  return restored;
}

export class StaticModel implements AnyModel {
  readonly #state: Record<string, unknown>;
  readonly #listeners = new Map<string, Set<ModelCallback>>();
  readonly #send: Send;

  constructor(state: Record<string, unknown>, send: Send = () => undefined) {
    this.#state = state;
    this.#send = send;
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  set(name: string, value: unknown): void {
    if (Object.is(this.#state[name], value)) return;
    this.#state[name] = value;
    this.emit(`change:${name}`, this, value);
    this.emit("change", this);
  }

  save_changes(): void {
    // Nothing to save to: state lives as long as the page.
  }

  send(content: unknown): void {
    this.#send(content);
  }

  on(event: string, callback: ModelCallback): void {
    const known = this.#listeners.get(event);
    if (known) known.add(callback);
    else this.#listeners.set(event, new Set([callback]));
  }

  off(event?: string | null, callback?: ModelCallback | null): void {
    if (!event) this.#listeners.clear();
    else if (callback) this.#listeners.get(event)?.delete(callback);
    else this.#listeners.delete(event);
  }

  /** How many listeners there are. */
  get listening(): number {
    return [...this.#listeners.values()].reduce((count, callbacks) => count + callbacks.size, 0);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const callback of [...(this.#listeners.get(event) ?? [])]) callback(...args);
  }
}
