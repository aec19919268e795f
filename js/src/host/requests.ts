/**
 * Requests to the kernel, paced: at most one a frame, and per channel one in flight and one waiting.
 *
 * The waiting request is not replaced but merged: parameters of the later one win, those it does not name stay, so that a
 * hover never swallows the choice of a method made just before. An answer that takes longer than `patience` no longer holds
 * the waiting request back: the kernel then supersedes the running one, which is what the person asked for.
 */
import type { RequestEnvelope } from "./messages";

export interface Clock {
  now(): number;
  /** Runs a callback at the next frame; returns how to take that back. */
  frame(callback: () => void): () => void;
  /** Runs a callback after some milliseconds; returns how to take that back. */
  later(callback: () => void, milliseconds: number): () => void;
}

/** A page in the background gets no frames: a timer stands in. */
const FRAME_FALLBACK_MS = 50;

export const browserClock: Clock = {
  now: () => performance.now(),
  frame(callback) {
    let done = false;
    const once = () => {
      if (done) return;
      cancel();
      callback();
    };
    const frame = requestAnimationFrame(once);
    const timer = setTimeout(once, FRAME_FALLBACK_MS);
    const cancel = () => {
      done = true;
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
    return cancel;
  },
  later(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

export interface InFlight {
  readonly id: number;
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly since: number;
}

interface Waiting {
  name: string;
  params: Record<string, unknown>;
}

interface Channel {
  inFlight: InFlight | null;
  waiting: Waiting | null;
}

export const PATIENCE_MS = 150;

export class Requests {
  readonly #send: (envelope: RequestEnvelope) => void;
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #channels = new Map<string, Channel>();
  readonly #cancels = new Set<() => void>();
  readonly #firstId: number;
  #nextId: number;
  #frameBusy = false;
  /** A timer already waits for the patience with some request to end. */
  #patienceBusy = false;
  #closed = false;

  /**
   * @param firstId Unlikely to be another page's: a kernel's answers reach every page that shows the widget.
   */
  constructor(
    send: (envelope: RequestEnvelope) => void,
    clock: Clock = browserClock,
    firstId = Date.now() * 1024,
    patience = PATIENCE_MS,
  ) {
    this.#send = send;
    this.#clock = clock;
    this.#firstId = firstId;
    this.#nextId = firstId;
    this.#patience = patience;
  }

  /** Was this request sent from here, and not from another page? */
  isOurs(id: number): boolean {
    return id >= this.#firstId && id < this.#nextId;
  }

  /** Sends as soon as the pace allows; merges into the request that waits. */
  submit(channelName: string, name: string, params: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    const channel = this.#channel(channelName);
    if (channel.waiting && channel.waiting.name === name) Object.assign(channel.waiting.params, params);
    else channel.waiting = { name, params: { ...params } };
    this.#pump();
  }

  /** The id of a request that is going to be posted. */
  reserve(): number {
    return this.#nextId++;
  }

  /** Sends now, unpaced: greetings, cancellations, questions. Returns the id. */
  post(channel: string, name: string, params: Readonly<Record<string, unknown>> = {}, id = this.reserve()): number {
    if (!this.#closed) this.#send({ id, channel, name, params });
    return id;
  }

  /** Tells that the request was answered; returns it if it was the one in flight. */
  settle(channelName: string, id: number): InFlight | null {
    const channel = this.#channels.get(channelName);
    const answered = channel?.inFlight;
    if (!channel || !answered || answered.id !== id) return null;
    channel.inFlight = null;
    this.#pump();
    return answered;
  }

  /** Forgets what waits and what is in flight; returns the id in flight so that the kernel can be told. */
  drop(channelName: string): number | null {
    const channel = this.#channels.get(channelName);
    if (!channel) return null;
    const id = channel.inFlight?.id ?? null;
    channel.inFlight = null;
    channel.waiting = null;
    return id;
  }

  inFlight(channelName: string): InFlight | null {
    return this.#channels.get(channelName)?.inFlight ?? null;
  }

  /** Is something of this channel waiting or unanswered? */
  busy(channelName: string): boolean {
    const channel = this.#channels.get(channelName);
    return Boolean(channel?.inFlight || channel?.waiting);
  }

  /**
   * Is a request under way that sets this trait, later than the one with this id? Then what an answer says about the trait is
   * not the last word. (null: later than a message that answers none of ours.)
   */
  overtaken(trait: string, id: number | null): boolean {
    return [...this.#channels.values()].some(({ waiting, inFlight }) => {
      if (waiting && trait in waiting.params) return true;
      return inFlight !== null && inFlight.id !== id && trait in inFlight.params;
    });
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#channels.clear();
  }

  #channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { inFlight: null, waiting: null };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #schedule(how: "frame" | "later", milliseconds: number, callback: () => void): void {
    const run = () => {
      this.#cancels.delete(cancel);
      callback();
    };
    const cancel = how === "frame" ? this.#clock.frame(run) : this.#clock.later(run, milliseconds);
    this.#cancels.add(cancel);
  }

  #pump(): void {
    if (this.#frameBusy || this.#closed) return;
    const now = this.#clock.now();
    for (const [name, channel] of this.#channels) {
      if (!channel.waiting) continue;
      const age = channel.inFlight ? now - channel.inFlight.since : Number.POSITIVE_INFINITY;
      if (age < this.#patience) {
        if (this.#patienceBusy) continue;
        this.#patienceBusy = true;
        this.#schedule("later", this.#patience - age, () => {
          this.#patienceBusy = false;
          this.#pump();
        });
        continue;
      }
      const { name: operation, params } = channel.waiting;
      const id = this.#nextId++;
      channel.waiting = null;
      channel.inFlight = { id, name: operation, params, since: now };
      this.#frameBusy = true;
      this.#schedule("frame", 0, () => {
        this.#frameBusy = false;
        this.#pump();
      });
      this.#send({ id, channel: name, name: operation, params });
      return;
    }
  }
}
