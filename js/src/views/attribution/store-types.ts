/** What the store tells and takes. */
import type { AttributionTraits } from "../../generated/attribution";
import type { ErrorDescription } from "../../host/messages";
import type { Row } from "./rows";

/** Traits a person can set. */
export type Settable = Omit<AttributionTraits, "_tokens" | "_model" | "_options" | "_rows">;
export type Changes = Partial<Settable>;

export type Phase = "ready" | "computing" | "stale" | "error" | "offline";

export interface Outcome {
  /** `local`: the row was at hand, nothing was asked. */
  readonly source: "computed" | "cache" | "local";
  readonly elapsedMs: number;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

export interface Problem extends ErrorDescription {
  /** Where it is shown: beside the field for the foil token, or in the banner. */
  readonly about: "foil" | "widget";
}

export interface Painted {
  readonly spec: string;
  readonly position: number;
  readonly row: Row;
}
