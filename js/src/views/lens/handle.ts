/** What the parts that all lens widgets have need of a store. */
import type { ReadonlySignal } from "@preact/signals-core";
import type { Completions, LensOptions, ModelCaption, TokenChoice, Tokens } from "../../generated/shared";
import type { Connection } from "../../host/connection";
import type { Liveness, TraitSignals } from "../../host/live-types";

/** Traits that all lens widgets have. */
export interface LensTraits {
  readonly _tokens: Tokens;
  readonly _model: ModelCaption;
  readonly _lens: LensOptions;
  readonly _watched: ReadonlyArray<TokenChoice>;
  readonly position: number | null;
  readonly marked: number | null;
  readonly final_norm: boolean;
  readonly site: "block" | "attention_out" | "ffn_out";
  readonly layer_order: "top" | "bottom";
  readonly watch: ReadonlyArray<number>;
}

/** What the controls of the lens can change. */
export type LensChanges = Partial<Pick<LensTraits, "final_norm" | "site" | "layer_order">>;

export interface LensHandle extends Liveness {
  readonly connection: Connection;
  /** The traits that all lens widgets have. */
  readonly lens: TraitSignals<LensTraits>;
  /** The watched tokens, in the order of `watch`: a token's place there is its colour. */
  readonly watched: ReadonlySignal<readonly TokenChoice[]>;
  /** Is the result at hand that this change would lead to? Without a kernel nothing else can be shown. */
  hasFor(changes: LensChanges & { readonly position?: number | null }): boolean;
  /** Changes how the lens reads. */
  change(changes: LensChanges): void;
  /** Can this position be predicted? */
  canChoose(position: number): boolean;
  choose(position: number | null): void;
  /** Tells the other widgets of the run which position is pointed at. */
  mark(position: number | null): void;
  /** Adds a token to those that are watched, or removes it. */
  watchToken(token: TokenChoice, on: boolean): void;
  /** Contrasts the run's attributions with a token. Resolves with how many attributions do so now; null if nobody answered. */
  contrast(token: TokenChoice, position: number | null): Promise<number | null>;
  /** Which tokens of the vocabulary does a text begin? */
  complete(text: string): Promise<Completions | null>;
}
