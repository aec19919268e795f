/** A clock that moves when told to. A frame is 16 ms. */
import type { Clock } from "../src/host/requests";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  frame(callback: () => void): () => void {
    return this.#at((Math.floor(this.#now / 16) + 1) * 16, callback);
  }

  later(callback: () => void, milliseconds: number): () => void {
    return this.#at(this.#now + milliseconds, callback);
  }

  /** Lets time pass and runs what is due, in order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
  }

  #at(at: number, run: () => void): () => void {
    const timer = { at, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
