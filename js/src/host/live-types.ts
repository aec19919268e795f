/** What a live store tells and takes. */
import type { ReadonlySignal, Signal } from "@preact/signals-core";
import type { ErrorDescription } from "./messages";

/** A widget's synced traits as signals. */
export type TraitSignals<Traits> = { readonly [Name in keyof Traits]: Signal<Traits[Name]> };

/** Traits a person can set: those without a leading underscore. */
export type SettableTraits<Traits> = {
  readonly [Name in keyof Traits as Name extends `_${string}` ? never : Name]: Traits[Name];
};

export type TraitChanges<Traits> = Partial<SettableTraits<Traits>>;

export type Phase = "ready" | "computing" | "stale" | "error" | "offline";

export interface Outcome {
  /** `local`: the result was at hand, nothing was asked. */
  readonly source: "computed" | "cache" | "local";
  readonly elapsedMs: number;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

export interface Problem extends ErrorDescription {
  /** Where it is shown: `widget` is the banner, other names are those of a field or an operation. */
  readonly about: string;
}

/** What the parts of a view that every widget has need of a store. */
export interface Liveness {
  readonly phase: ReadonlySignal<Phase>;
  readonly outcome: ReadonlySignal<Outcome | null>;
  readonly progress: ReadonlySignal<Progress | null>;
  readonly problem: ReadonlySignal<Problem | null>;
  /** When the running computation was asked for, in milliseconds of the page's clock. */
  readonly since: number;
  retry(): void;
  cancel(): boolean;
  dismissProblem(): void;
}
