/**
 * What the views of one live widget share: its traits as signals, the connection, what is being computed.
 *
 * What a person does goes through `apply`: the model in the page changes at once (so that every view follows and what is at
 * hand is drawn within a frame) and the kernel is asked to do the same. Which results there are, and whether the one of the
 * current choice is at hand, is the subclass's business. Nothing here touches the document.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { AnyModel } from "./anywidget";
import { Asking, type Inquiry } from "./asking";
import { isRecord } from "./codec";
import { Connection } from "./connection";
import { onAbort, onModel } from "./listen";
import type { Liveness, Outcome, Phase, Problem, Progress, TraitChanges, TraitSignals } from "./live-types";
import type { ErrorDescription, ErrorMessage, KernelMessage, ProgressMessage, ResultMessage } from "./messages";
import { parseMessage } from "./messages";
import { browserClock, type Clock, type InFlight, Requests } from "./requests";
import { sameValue } from "./same-value";

/** The channel of everything that recomputes. */
export const ROW_CHANNEL = "row";
/** The channel of how results are shown. */
export const VIEW_CHANNEL = "view";
/** The channel of the position that is pointed at, for other widgets of the run. */
export const MARK_CHANNEL = "mark";

export interface LiveDefinition<Traits> {
  /** Names of all synced traits (generated from Python). */
  readonly names: ReadonlyArray<keyof Traits & string>;
  /** Channels of traits; the other traits without a leading underscore go to `ROW_CHANNEL`. */
  readonly channels: Readonly<Partial<Record<keyof Traits & string, string>>>;
  /** Channels that recompute, apart from `ROW_CHANNEL`. */
  readonly alsoComputing?: readonly string[];
  /** Traits with saved results: read again when they change, or when the tokens do. */
  readonly saved: ReadonlyArray<keyof Traits & string>;
  /** Traits with a leading underscore on which an answer's `state` may have a word. */
  readonly told?: ReadonlyArray<keyof Traits & string>;
}

/** Every widget shows the tokens of a run. */
interface HasTokens {
  readonly _tokens: { readonly run: string };
}

export abstract class LiveStore<Traits extends HasTokens> implements Liveness {
  readonly traits: TraitSignals<Traits>;
  readonly connection: Connection;
  readonly phase: ReadonlySignal<Phase>;

  readonly #outcome = signal<Outcome | null>(null);
  readonly #progress = signal<Progress | null>(null);
  readonly #problem = signal<Problem | null>(null);
  readonly #pending = signal(false);
  readonly #definition: LiveDefinition<Traits>;
  readonly #model: AnyModel;
  readonly #requests: Requests;
  readonly #asking: Asking;
  readonly #clock: Clock;
  readonly #ended: AbortSignal;
  #since = 0;
  /** Channels on which the kernel works on something that was not asked for here. */
  readonly #kernelComputing = new Set<string>();
  readonly #computing: readonly string[];
  /** A change comes from this store, not from Python. */
  #setting = false;

  constructor(definition: LiveDefinition<Traits>, model: AnyModel, ended: AbortSignal, clock: Clock = browserClock) {
    this.#definition = definition;
    this.#model = model;
    this.#clock = clock;
    this.#ended = ended;
    this.#computing = [ROW_CHANNEL, ...(definition.alsoComputing ?? [])];
    const { names } = definition;
    this.traits = Object.fromEntries(names.map((name) => [name, signal(model.get(name))])) as TraitSignals<Traits>;
    this.#requests = new Requests((envelope) => this.#send(envelope), clock);
    this.#asking = new Asking(this.#requests);
    this.connection = new Connection(() => void this.#requests.post(ROW_CHANNEL, "hello"), clock);
    this.phase = computed((): Phase => {
      const connection = this.connection.state.value;
      if (connection === "offline" || connection === "lost") return "offline";
      if (this.#problem.value) return "error";
      if (this.atHand() || !this.wanted()) return "ready";
      return this.#pending.value || connection === "connecting" || connection === "waiting" ? "computing" : "stale";
    });
    const changes = names.map((name) => [`change:${name}`, () => this.#traitChanged(name)] as const);
    const receive = (content: unknown, buffers: unknown) => this.#receive(content, buffers);
    onModel(model, { ...Object.fromEntries(changes), "msg:custom": receive }, ended);
    onAbort(ended, () => {
      this.#asking.close();
      this.#requests.close();
      this.connection.close();
    });
  }

  /** Has the page everything that the current choice asks for? Reads signals; never called while the store is constructed. */
  protected abstract atHand(): boolean;
  /** Does the current choice ask for anything? */
  protected abstract wanted(): boolean;
  /** Takes what a result brings. May throw what the codec throws. */
  protected abstract take(data: Readonly<Record<string, unknown>>): void;
  /** Takes the results that are saved in traits. Subclasses call `restoreSaved` when they are constructed. */
  protected abstract takeSaved(): void;
  /** The traits that ask for the current result again. */
  protected abstract question(): TraitChanges<Traits>;
  /** Where an error is shown (`Problem.about`). */
  protected aboutOf(_request: InFlight | null, _error: ErrorDescription): string {
    return "widget";
  }

  get outcome(): ReadonlySignal<Outcome | null> {
    return this.#outcome;
  }

  get progress(): ReadonlySignal<Progress | null> {
    return this.#progress;
  }

  get problem(): ReadonlySignal<Problem | null> {
    return this.#problem;
  }

  get since(): number {
    return this.#since;
  }

  /** Is this the store of that model? (anywidget hands out a new proxy each time; the trait's object is the same.) */
  owns(model: AnyModel): boolean {
    return !this.#ended.aborted && model.get("_tokens") === this.#model.get("_tokens");
  }

  /** Sets traits here and asks the kernel to do the same. */
  apply(changes: TraitChanges<Traits>): void {
    const byChannel = new Map<string, Record<string, unknown>>();
    for (const [name, value] of Object.entries(changes)) {
      const channel = this.#channelOf(name);
      byChannel.set(channel, { ...byChannel.get(channel), [name]: value });
    }
    batch(() => {
      // Pointing somewhere leaves an error in peace.
      if ([...byChannel.keys()].some((channel) => channel !== MARK_CHANNEL)) this.#problem.value = null;
      this.#setTraits(Object.entries(changes));
      if (!this.connection.open) return;
      for (const [channel, params] of byChannel) this.#requests.submit(channel, "set", params);
      if (this.#computing.some((channel) => byChannel.has(channel))) this.#asked();
    });
  }

  /**
   * Asks the kernel for another operation than `set`.
   *
   * @param channel Requests of one channel supersede each other.
   * @returns The result's data; null if there is none (nobody there, superseded, or an error, which is then the `problem`
   *   with the operation's name as `about`).
   */
  ask(
    channel: string,
    name: string,
    params: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>> | null> {
    return this.connection.open ? this.#asking.ask(channel, name, params).answer : Promise.resolve(null);
  }

  /** The same for what takes its time: it tells how far it is, and can be given up. Null if nobody is there. */
  inquire(
    channel: string,
    name: string,
    params: Readonly<Record<string, unknown>>,
    progress: (progress: Progress) => void,
  ): (Inquiry & { cancel(): void }) | null {
    if (!this.connection.open) return null;
    const inquiry = this.#asking.ask(channel, name, params, progress);
    const { id } = inquiry;
    const cancel = () => {
      this.#asking.settle(id, null);
      this.#requests.post(channel, "cancel", { id });
    };
    return { ...inquiry, cancel };
  }

  /** Asks again for the current result. */
  retry(): void {
    this.apply(this.question());
  }

  /** Stops what is being computed for this widget. Returns whether there was anything to stop. */
  cancel(): boolean {
    if (!this.#pending.value || this.atHand()) return false;
    const ids = this.#computing.map((channel) => this.#requests.drop(channel)).filter((id) => id !== null);
    if (ids.length === 0) this.#requests.post(ROW_CHANNEL, "cancel", {});
    for (const id of ids) this.#requests.post(ROW_CHANNEL, "cancel", { id });
    batch(() => {
      this.#kernelComputing.clear();
      this.#progress.value = null;
      this.#outcome.value = null;
      this.#pending.value = false;
    });
    return true;
  }

  dismissProblem(): void {
    this.#problem.value = null;
  }

  /** Sets traits here without asking the kernel: what its answer is going to say. */
  protected expect(entries: Readonly<Record<string, unknown>>): void {
    batch(() => this.#setTraits(Object.entries(entries)));
  }

  protected restoreSaved(): void {
    this.#reading(() => this.takeSaved());
  }

  #reading(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#fail({
        kind: "internal",
        message: `The rows from the kernel cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
        hint: "Run the cell again; if it happens again, please report it.",
      });
    }
  }

  #channelOf(name: string): string {
    return (this.#definition.channels as Readonly<Record<string, string>>)[name] ?? ROW_CHANNEL;
  }

  #recomputes(name: string): boolean {
    return !name.startsWith("_") && this.#computing.includes(this.#channelOf(name));
  }

  #send(envelope: unknown): void {
    try {
      this.#model.send(envelope);
    } catch (error) {
      // A comm of a kernel that has gone throws; the host will mark the model as dead.
      this.#fail({ kind: "disconnected", message: `The kernel cannot be reached (${String(error)}).`, hint: "" });
    }
  }

  #traitChanged(name: keyof Traits & string): void {
    batch(() => {
      (this.traits[name] as Signal<unknown>).value = this.#model.get(name);
      if (name === "_tokens" || this.#definition.saved.includes(name)) this.restoreSaved();
      const recomputes = this.#recomputes(name);
      // What Python chooses anew is another question than the one that failed.
      if (!this.#setting && (name === "_tokens" || recomputes)) this.#problem.value = null;
      if (recomputes) {
        if (this.atHand()) this.#outcome.value = { source: "local", elapsedMs: 0 };
        else if (!this.#setting && this.connection.open) this.#kernelStarted(this.#channelOf(name));
      }
      this.#refresh();
    });
  }

  #fail(error: ErrorDescription, about = "widget"): void {
    this.#problem.value = { ...error, about };
  }

  #asked(): void {
    if (this.atHand()) {
      this.#outcome.value = { source: "local", elapsedMs: 0 };
    } else if (!this.#pending.value) {
      this.#since = this.#clock.now();
    }
    this.#progress.value = null;
    this.#refresh();
  }

  /** Brings `pending` up to date. */
  #refresh(): void {
    const asked = this.#computing.some((channel) => this.#requests.busy(channel));
    this.#pending.value = asked || this.#kernelComputing.size > 0;
  }

  #receive(content: unknown, buffers: unknown): void {
    batch(() => {
      let message: KernelMessage | null;
      try {
        message = parseMessage(content, Array.isArray(buffers) ? buffers : []);
      } catch (error) {
        this.#fail({
          kind: "internal",
          message: `A message from the kernel cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
          hint: "Run the cell again; if it happens again, please report it.",
        });
        return;
      }
      if (!message) return;
      this.connection.heard();
      switch (message.kind) {
        case "result":
          this.#result(message);
          break;
        case "progress":
          this.#progressed(message);
          break;
        case "error":
          this.#failed(message);
          break;
        case "superseded":
        case "cancelled":
          if (message.id !== null) {
            this.#requests.settle(message.channel, message.id);
            this.#asking.settle(message.id, null);
          } else if (message.kind === "cancelled") this.#kernelStopped(message.channel);
          break;
        case "computing":
          this.#kernelStarted(message.channel);
          break;
      }
      this.#refresh();
    });
  }

  #kernelStarted(channel: string): void {
    if (!this.#pending.value) this.#since = this.#clock.now();
    this.#kernelComputing.add(channel);
    this.#progress.value = null;
  }

  #kernelStopped(channel: string): void {
    const computing = this.#computing.includes(channel);
    // What only shows, marks or watches stops nothing; a word on the whole widget (`state`) does.
    if (!computing && Object.values(this.#definition.channels).includes(channel)) return;
    if (computing) this.#kernelComputing.delete(channel);
    else this.#kernelComputing.clear();
    this.#progress.value = null;
  }

  #result(message: ResultMessage): void {
    const missed = !this.atHand();
    this.#reading(() => this.take(message.data));
    this.#restore(message.id, message.data.state);
    const answered = message.id === null ? null : this.#requests.settle(message.channel, message.id);
    // An update that the kernel sent before it had our request may have come in between: what we asked for is what is.
    if (answered?.name === "set") this.#restore(answered.id, answered.params);
    if (missed && this.atHand()) {
      this.#kernelComputing.clear();
      this.#progress.value = null;
      if (message.name !== "hello") this.#outcome.value = { source: message.source, elapsedMs: message.elapsedMs };
    }
    if (message.id !== null) this.#asking.settle(message.id, message.data);
    // A page that opens while the first row is being computed has missed the kernel's word about it: ask.
    this.#refresh();
    const unanswered = !this.atHand() && this.wanted() && !this.#pending.value;
    if (message.name === "hello" && unanswered) this.retry();
  }

  #progressed(message: ProgressMessage): void {
    const { done, total, label } = message;
    if (message.id !== null) this.#asking.progressed(message.id, { done, total, label });
    const ours = this.#computing.some((channel) => this.#requests.inFlight(channel)?.id === message.id);
    if ((message.id !== null && !ours) || this.atHand()) return;
    this.#progress.value = { done, total, label };
  }

  #failed(message: ErrorMessage): void {
    // Answers reach every page that shows the widget; another page's mistakes are not ours.
    if (message.id !== null && !this.#requests.isOurs(message.id)) return;
    const asked = message.id === null ? null : this.#asking.settle(message.id, null);
    const request = message.id === null ? null : this.#requests.settle(message.channel, message.id);
    if (asked === null) this.#kernelStopped(message.channel);
    this.#restore(message.id, message.state);
    this.#fail(message.error, asked ?? this.aboutOf(request, message.error));
  }

  /** Takes the kernel's word on traits, unless a later request of ours is about to change them again. */
  #restore(id: number | null, state: unknown): void {
    if (!isRecord(state) || (id !== null && !this.#requests.isOurs(id))) return;
    const told: readonly string[] = this.#definition.told ?? [];
    const wanted = Object.entries(state).filter(
      ([name, value]) =>
        name in this.traits &&
        (!name.startsWith("_") || told.includes(name)) &&
        !this.#requests.overtaken(name, id) &&
        !sameValue(this.#model.get(name), value),
    );
    this.#setTraits(wanted);
  }

  #setTraits(entries: ReadonlyArray<readonly [string, unknown]>): void {
    this.#setting = true;
    try {
      for (const [name, value] of entries) this.#model.set(name, value);
    } finally {
      this.#setting = false;
    }
  }
}
