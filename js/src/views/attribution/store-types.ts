/** What the store tells and takes. */
import type { AttributionTraits } from "../../generated/attribution";
import type { SettableTraits, TraitChanges } from "../../host/live-types";
import type { Row } from "./rows";

/** Traits a person can set. */
export type Settable = SettableTraits<AttributionTraits>;
export type Changes = TraitChanges<AttributionTraits>;

export interface Painted {
  readonly spec: string;
  readonly position: number;
  readonly row: Row;
}
