/**
 * Is anybody there? What the page can know about the kernel behind a model.
 *
 * - `connecting`: greeted, no answer yet.
 * - `live`: the kernel has spoken.
 * - `waiting`: no answer for three seconds (a cell is running, or the kernel is starting).
 * - `lost`: it was live and the host has marked the model as dead (restart, shutdown, closed widget).
 * - `offline`: there never was a kernel here (saved notebook, exported page).
 *
 * ipywidgets tells through the event `comm_live_update` and the class `jupyter-widgets-disconnected` on the view's element;
 * anywidget's model proxy passes the event on but hides the property, so the class is what is read.
 */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { AnyModel } from "./anywidget";
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
    const alive = () => !el.classList.contains(DISCONNECTED_CLASS);
    let wasAlive = alive();
    const update = () => {
      const isAlive = alive();
      if (isAlive === wasAlive) return;
      wasAlive = isAlive;
      if (isAlive) this.#hello();
      else this.#dead();
    };
    // The host sets the class in a listener of its own, which may run after this one.
    onModel(model, { comm_live_update: () => queueMicrotask(update), "comm:close": () => this.#dead() }, ended);
    const observer = new MutationObserver(update);
    observer.observe(el, { attributes: true, attributeFilter: ["class"] });
    onAbort(ended, () => observer.disconnect());
    if (wasAlive) this.#hello();
    else this.#dead();
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

  #hello(): void {
    if (this.#state.value !== "live") {
      this.#state.value = "connecting";
      this.#stopTimer();
      this.#stopWaiting = this.#clock.later(() => {
        this.#stopWaiting = null;
        if (this.#state.value === "connecting") this.#state.value = "waiting";
      }, HELLO_PATIENCE_MS);
    }
    this.#greet();
  }

  #dead(): void {
    this.#stopTimer();
    this.#state.value = this.#wasLive ? "lost" : "offline";
  }

  #stopTimer(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }
}
