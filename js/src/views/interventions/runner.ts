/** Asks the kernel what the model does with some neurons changed, and keeps what came of it. */
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { Inquiry } from "../../host/asking";
import type { Connection } from "../../host/connection";
import type { Problem, Progress } from "../../host/live-types";
import { type Ablation, readAblation } from "./ablation";

type Params = Readonly<Record<string, unknown>>;

/** What the runner needs of a store. */
export interface Asked {
  readonly connection: Connection;
  readonly problem: ReadonlySignal<Problem | null>;
  inquire(
    channel: string,
    name: string,
    params: Params,
    progress: (progress: Progress) => void,
  ): (Inquiry & { cancel(): void }) | null;
  dismissProblem(): void;
}

export interface Running {
  /** What it is asked for. */
  readonly params: Params;
  readonly progress: Progress | null;
}

export class Interventions {
  readonly running: Signal<Running | null> = signal(null);
  /** The last result; the view looks whether it belongs to what it shows. */
  readonly result: Signal<Ablation | null> = signal(null);
  /** What went wrong with the last one. */
  readonly failure: Signal<string> = signal("");
  readonly #store: Asked;
  readonly #name: string;
  #cancel: (() => void) | null = null;
  #turn = 0;

  /** @param name The operation, which is the channel, too. */
  constructor(store: Asked, name: string) {
    this.#store = store;
    this.#name = name;
  }

  async run(params: Params): Promise<void> {
    const turn = ++this.#turn;
    const current = () => turn === this.#turn;
    const inquiry = this.#store.inquire(this.#name, this.#name, params, (progress) => {
      if (current()) this.running.value = { params, progress };
    });
    if (!inquiry) return;
    this.#cancel = inquiry.cancel;
    batch(() => {
      this.failure.value = "";
      this.running.value = { params, progress: null };
    });
    const data = await inquiry.answer;
    if (!current()) return;
    this.#cancel = null;
    batch(() => {
      this.running.value = null;
      if (data === null) this.#failed();
      else this.#take(data);
    });
  }

  cancel(): void {
    this.#turn++;
    this.#cancel?.();
    this.#cancel = null;
    this.running.value = null;
  }

  /** The store tells of the error after it has answered the question. */
  #failed(): void {
    const problem = this.#store.problem.value;
    if (problem?.about !== this.#name) return;
    this.failure.value = `${problem.message} ${problem.hint}`.trim();
    this.#store.dismissProblem();
  }

  #take(data: Params): void {
    try {
      this.result.value = readAblation(data.ablation);
    } catch (error) {
      this.failure.value = `The answer cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
    }
  }
}
