/** The part of anywidget's interface that this package uses. Everything that knows Jupyter lives in this folder. */

// biome-ignore lint/suspicious/noExplicitAny: Backbone's callbacks take whatever the event carries; each listener narrows it.
export type ModelCallback = (...args: any[]) => void;

export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ReadonlyArray<ArrayBuffer | ArrayBufferView>): void;
  on(event: string, callback: ModelCallback): void;
  off(event?: string | null, callback?: ModelCallback | null): void;
}

export interface InitializeContext {
  model: AnyModel;
  /** Ends with the model; missing before anywidget 0.10. */
  signal?: AbortSignal;
}

export interface RenderContext extends InitializeContext {
  el: HTMLElement;
}

export type Cleanup = () => void;

type MaybePromise<T> = T | Promise<T>;

/** What an entry exports by default. */
export interface WidgetDefinition {
  initialize?(context: InitializeContext): MaybePromise<Cleanup | undefined>;
  render(context: RenderContext): MaybePromise<Cleanup | undefined>;
}
