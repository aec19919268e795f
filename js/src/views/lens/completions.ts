/** The kernel's answer to a text that is being typed. */
import type { Completions, TokenChoice } from "../../generated/shared";
import { isRecord } from "../../host/codec";

export function readTokenChoice(value: unknown): TokenChoice | null {
  if (!isRecord(value) || typeof value.id !== "number" || typeof value.text !== "string") return null;
  return { id: value.id, text: value.text };
}

/** Reads an answer; what is not there counts as nothing. */
export function readCompletions(data: Readonly<Record<string, unknown>>): Completions {
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  return {
    text: typeof data.text === "string" ? data.text : "",
    tokens: list(data.tokens)
      .map(readTokenChoice)
      .filter((token) => token !== null),
    exact: readTokenChoice(data.exact),
    pieces: list(data.pieces).filter((piece) => typeof piece === "string"),
    problem: typeof data.problem === "string" ? data.problem : "",
  };
}
