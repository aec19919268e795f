/**
 * Is anybody there? What the page can know about the kernel behind a model.
 *
 * - `connecting`: greeted, no answer yet.
 * - `live`: the kernel has spoken.
 * - `waiting`: no answer for three seconds (a cell is running, or the kernel is starting).
 * - `lost`: it was live and the host has marked the model as dead (restart, shutdown, closed widget).
 * - `offline`: there never was a kernel here (saved notebook, exported page).
 *
 * ipywidgets tells through the event `comm_live_update`, and before a view is drawn through the class
 * `jupyter-widgets-disconnected` on its element (anywidget removes the listener that would keep the class up to date).
 * anywidget's model proxy hides the property `comm_live`, but calls back with its view as `this`. Where nothing can be read,
 * the kernel is greeted again, and silence counts as an answer.
 */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { AnyModel } from "./anywidget";
import { isRecord } from "./codec";
import { onAbort, onModel } from "./listen";
import { browserClock, type Clock } from "./requests";

export type ConnectionState = "connecting" | "live" | "waiting" | "lost" | "offline";

export const HELLO_PATIENCE_MS = 3000;
export const DISCONNECTED_CLASS = "jupyter-widgets-disconnected";

export class Connection {
  readonly #state = signal<ConnectionState>("connecting");
  readonly #greet: () => void;
  readonly #clock: Clock;
  #stopWaiting: (() => void) | null = null;
  #wasLive = false;

  constructor(greet: () => void, clock: Clock = browserClock) {
    this.#greet = greet;
    this.#clock = clock;
  }

  get state(): ReadonlySignal<ConnectionState> {
    return this.#state;
  }

  /** Can a request be answered, as far as one knows? */
  get open(): boolean {
    const state = this.#state.value;
    return state !== "lost" && state !== "offline";
  }

  /** Greets the kernel for a new view and follows what the host says about it. */
  attach(model: AnyModel, el: HTMLElement, ended: AbortSignal): void {
    const disconnected = () => el.classList.contains(DISCONNECTED_CLASS);
    const told = (live: boolean | null) => this.#told(live);
    let wasDisconnected = disconnected();
    function updated(this: unknown): void {
      told(commLive(this));
    }
    onModel(model, { comm_live_update: updated, "comm:close": () => told(false) }, ended);
    const observer = new MutationObserver(() => {
      if (disconnected() === wasDisconnected) return;
      wasDisconnected = disconnected();
      told(!wasDisconnected);
    });
    observer.observe(el, { attributes: true, attributeFilter: ["class"] });
    onAbort(ended, () => observer.disconnect());
    told(!wasDisconnected);
  }

  /** A message came in. */
  heard(): void {
    this.#wasLive = true;
    this.#stopTimer();
    this.#state.value = "live";
  }

  close(): void {
    this.#stopTimer();
  }

  /** What the host says: alive, dead, or (null) something has changed. */
  #told(live: boolean | null): void {
    if (live === false) {
      this.#stopTimer();
      this.#state.value = this.#wasLive ? "lost" : "offline";
      return;
    }
    const silent: ConnectionState = live === null && this.#wasLive ? "lost" : "waiting";
    if (this.#state.value !== "live") this.#state.value = "connecting";
    this.#stopTimer();
    this.#stopWaiting = this.#clock.later(() => {
      this.#stopWaiting = null;
      // A live connection that a further view greets stays what it is.
      if (silent === "lost" || this.#state.value === "connecting") this.#state.value = silent;
    }, HELLO_PATIENCE_MS);
    this.#greet();
  }

  #stopTimer(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }
}

/** `comm_live` of the model behind a view, if the listener's `this` is one. */
function commLive(view: unknown): boolean | null {
  const model = isRecord(view) ? view.model : null;
  const live = typeof model === "object" && model !== null && "comm_live" in model ? model.comm_live : null;
  return typeof live === "boolean" ? live : null;
}
