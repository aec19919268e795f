/** What the model does with some neurons changed, as the kernel sends it. */
import type { Ablation, LogProbabilityChange, ScoredToken, TextTokens, TokenProbability } from "../../generated/shared";
import { CodecError, isRecord } from "../../host/codec";

export type { Ablation } from "../../generated/shared";

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown) => (typeof value === "number" ? value : Number.NaN);
const numberOrNull = (value: unknown) => (typeof value === "number" ? value : null);
const records = (value: unknown) => list(value).filter(isRecord);

/** Entries of the vocabulary with a score; what is none is left out. */
export function readScored(value: unknown): ScoredToken[] {
  return records(value).map(({ id, text, score }) => ({ id: number(id), text: String(text), score: number(score) }));
}

function textTokens(value: unknown): TextTokens | null {
  if (!isRecord(value)) return null;
  return { texts: list(value.texts).map(String), ids: list(value.ids).map(Number) };
}

function probabilities(value: unknown): TokenProbability[] {
  return records(value).map(({ text, p }) => ({ text: String(text), p: number(p) }));
}

function changes(value: unknown): LogProbabilityChange[] {
  return records(value).map(({ position, before, after, random_mean, random_spread }) => ({
    position: number(position),
    before: number(before),
    after: number(after),
    random_mean: numberOrNull(random_mean),
    random_spread: numberOrNull(random_spread),
  }));
}

const ACTIONS = ["zero", "mean", "scale", "set"] as const;

/** Reads an ablation. @throws CodecError when it does not say what it belongs to or lacks the text. */
export function readAblation(source: unknown): Ablation {
  const before = isRecord(source) ? textTokens(source.before) : null;
  if (!isRecord(source) || typeof source.spec !== "string" || before === null) {
    throw new CodecError("an ablation must name its spec and the text before");
  }
  return {
    spec: source.spec,
    id: numberOrNull(source.id),
    layer: numberOrNull(source.layer),
    index: numberOrNull(source.index),
    action: ACTIONS.find((action) => action === source.action) ?? "zero",
    value: numberOrNull(source.value),
    top: numberOrNull(source.top),
    n_neurons: number(source.n_neurons),
    n_random: number(source.n_random),
    random_overlap: number(source.random_overlap),
    text: number(source.text),
    n_prompt: number(source.n_prompt),
    before,
    after: textTokens(source.after),
    first_changed: numberOrNull(source.first_changed),
    log_p: changes(source.log_p),
    position: number(source.position),
    top_before: probabilities(source.top_before),
    top_after: probabilities(source.top_after),
  };
}
