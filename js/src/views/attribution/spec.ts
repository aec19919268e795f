/** The key rows are addressed by; `ecco_widgets` computes the same one in Python. */
export interface Spec {
  readonly method: string;
  readonly target: string;
  readonly foil: string | null;
  readonly aggregation: string;
}

export function specKey({ method, target, foil, aggregation }: Spec): string {
  return `${method}|${target}|${target === "contrast" ? (foil ?? "") : ""}|${aggregation}`;
}

/** Aggregations whose values keep their sign. */
export function isSigned(aggregation: string, options: ReadonlyArray<{ name: string; signed: boolean }>): boolean {
  return options.find(({ name }) => name === aggregation)?.signed ?? aggregation === "sum";
}
