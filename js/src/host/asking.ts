/** Operations whose answer somebody waits for: completions, a token to watch, a token to contrast with. */
import type { Progress } from "./live-types";
import type { Requests } from "./requests";

type Data = Readonly<Record<string, unknown>>;

interface Question {
  readonly name: string;
  answer(data: Data | null): void;
  progress?(progress: Progress): void;
}

/** A question that takes its time. */
export interface Inquiry {
  readonly id: number;
  /** The result's data; null if there is none. */
  readonly answer: Promise<Data | null>;
}

export class Asking {
  readonly #requests: Requests;
  readonly #open = new Map<number, Question>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Sends at once; the answer is the result's data, or null if there is none. */
  ask(channel: string, name: string, params: Data, progress?: (progress: Progress) => void): Inquiry {
    const id = this.#requests.reserve();
    const answer = new Promise<Data | null>((resolve) => {
      // Known before it is sent: a host may answer while it sends.
      this.#open.set(id, { name, answer: resolve, ...(progress ? { progress } : {}) });
      this.#requests.post(channel, name, params, id);
    });
    return { id, answer };
  }

  /** Passes on how far the work for a question is; does nothing for those of others. */
  progressed(id: number, progress: Progress): void {
    this.#open.get(id)?.progress?.(progress);
  }

  /** Answers a question; returns the name of its operation, or null if it was none of ours. */
  settle(id: number, data: Data | null): string | null {
    const question = this.#open.get(id);
    if (!question) return null;
    this.#open.delete(id);
    question.answer(data);
    return question.name;
  }

  /** Nobody is going to answer any more. */
  close(): void {
    for (const { answer } of this.#open.values()) answer(null);
    this.#open.clear();
  }
}
