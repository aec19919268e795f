/**
 * The best tokens received so far, by what was asked; and those of the current choice.
 *
 * Content-addressed, so a late answer can only fill a table nobody looks at. Fewer tokens than were received are at hand too.
 */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { isRecord } from "../../host/codec";
import type { TraitSignals } from "../../host/live-types";
import { type LensTop, readTop } from "./top";

/** The traits that the best tokens depend on. */
export interface TopTraits {
  readonly _tokens: { readonly run: string };
  readonly position: number | null;
  readonly topk: number;
  readonly final_norm: boolean;
  readonly site: string;
}

type TopChoice = Omit<TopTraits, "_tokens"> & { readonly run: string };

/** `run|position|topk|final_norm|site`; Python computes the same. */
export function topSpec({ run, position, topk, final_norm, site }: TopChoice): string {
  return `${run}|${position}|${topk}|${final_norm ? 1 : 0}|${site}`;
}

/** The spec without the number of tokens. */
function slot(spec: string): string {
  const parts = spec.split("|");
  return [...parts.slice(0, -3), ...parts.slice(-2)].join("|");
}

/** Cells (layers times tokens) that are kept. */
const MOST_CELLS = 400_000;

export class TopResults {
  /** The best tokens of the current choice, if they are at hand. */
  readonly current: ReadonlySignal<LensTop | null>;
  /** What is drawn: the current ones, or the last ones that were at hand; null when no position is chosen. */
  readonly painted: ReadonlySignal<LensTop | null>;

  readonly #version = signal(0);
  readonly #tops = new Map<string, LensTop>();
  readonly #traits: TraitSignals<TopTraits>;
  #cells = 0;

  constructor(traits: TraitSignals<TopTraits>, ended: AbortSignal) {
    this.#traits = traits;
    this.current = computed(() => {
      this.#version.value;
      return this.#get(this.#choice({}));
    });
    let last: LensTop | null = null;
    let lastRun = "";
    this.painted = computed(() => {
      const { run } = traits._tokens.value;
      if (run !== lastRun || traits.position.value === null) last = null;
      lastRun = run;
      last = this.current.value ?? last;
      return last;
    });
    // What was painted last is remembered even while no view looks.
    ended.addEventListener(
      "abort",
      effect(() => void this.painted.value),
      { once: true },
    );
  }

  /** Takes `top` of a result or a saved trait; an empty object and those of other runs are nothing. */
  take(source: unknown): void {
    if (!isRecord(source) || typeof source.spec !== "string") return;
    if (!source.spec.startsWith(`${this.#traits._tokens.value.run}|`)) return;
    const top = readTop(source);
    const key = slot(top.spec);
    const known = this.#tops.get(key);
    if (known && known.stride > top.stride) return;
    if (known) this.#cells -= known.ids.length;
    this.#tops.delete(key);
    this.#tops.set(key, top);
    this.#cells += top.ids.length;
    for (const [oldest, { ids }] of this.#tops) {
      if (this.#cells <= MOST_CELLS || oldest === key) break;
      this.#tops.delete(oldest);
      this.#cells -= ids.length;
    }
    this.#version.value = this.#version.peek() + 1;
  }

  /** Are the best tokens at hand that this change would lead to? */
  has(changes: Partial<Omit<TopTraits, "_tokens">>): boolean {
    this.#version.value;
    return this.#get(this.#choice(changes)) !== null;
  }

  #choice(changes: Partial<Omit<TopTraits, "_tokens">>): TopChoice {
    const { _tokens, position, topk, final_norm, site } = this.#traits;
    return {
      run: _tokens.value.run,
      position: position.value,
      topk: topk.value,
      final_norm: final_norm.value,
      site: site.value,
      ...changes,
    };
  }

  #get(choice: TopChoice): LensTop | null {
    if (choice.position === null) return null;
    const top = this.#tops.get(slot(topSpec(choice)));
    if (!top || top.stride < choice.topk) return null;
    return choice.topk === top.k ? top : { ...top, k: choice.topk, spec: topSpec(choice) };
  }
}
