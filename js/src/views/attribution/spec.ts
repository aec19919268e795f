/** The key rows are addressed by; `ecco_widgets` computes the same one in Python. */
export interface Spec {
  readonly method: string;
  readonly target: string;
  readonly foil: string | null;
  readonly aggregation: string;
}

/** What is computed: `method|target|foil|aggregation`. */
export function specKey({ method, target, foil, aggregation }: Spec): string {
  return `${method}|${target}|${target === "contrast" ? (foil ?? "") : ""}|${aggregation}`;
}

/** What is computed, of which run. */
export function rowsKey(run: string, spec: string): string {
  return `${run}|${spec}`;
}

/** Aggregations whose values keep their sign. */
export function isSigned(aggregation: string, options: ReadonlyArray<{ name: string; signed: boolean }>): boolean {
  return options.find(({ name }) => name === aggregation)?.signed ?? aggregation === "sum";
}
