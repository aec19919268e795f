/**
 * What the views of one attribution widget share: its traits, the rows received, what is being computed.
 *
 * What a person does goes through `apply`: the model in the page changes at once (so that every view follows and rows at hand
 * paint within a frame) and the kernel is asked to do the same. Nothing here touches the document.
 */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { type AttributionTraits, attributionTraitNames } from "../../generated/attribution";
import type { AnyModel } from "../../host/anywidget";
import { isRecord } from "../../host/codec";
import { Connection } from "../../host/connection";
import { onAbort, onModel } from "../../host/listen";
import type { ErrorDescription, ErrorMessage, ProgressMessage, ResultMessage } from "../../host/messages";
import { parseMessage } from "../../host/messages";
import { browserClock, type Clock, Requests } from "../../host/requests";
import { type Row, RowCache, readRows } from "./rows";
import { isSigned, rowsKey, specKey } from "./spec";
import type { Changes, Outcome, Painted, Phase, Problem, Progress, Settable } from "./store-types";

const VIEW_TRAITS: ReadonlySet<string> = new Set(["pinned", "view_style", "scale"]);
const ROW_TRAITS: ReadonlySet<string> = new Set(["position", "attr_method", "target", "foil", "aggregation"]);
const ROW_CHANNEL = "row";
const VIEW_CHANNEL = "view";

type TraitSignals = { readonly [Name in keyof AttributionTraits]: Signal<AttributionTraits[Name]> };

export class AttributionStore {
  readonly traits: TraitSignals;
  readonly connection: Connection;
  readonly spec: ReadonlySignal<string>;
  readonly signed: ReadonlySignal<boolean>;
  /** The row of the current spec and position, if it is at hand. */
  readonly row: ReadonlySignal<Row | null>;
  /** What the colours show: the current row, or the last one that was at hand. */
  readonly painted: ReadonlySignal<Painted | null>;
  /** Largest absolute value that the colours span. */
  readonly domain: ReadonlySignal<number>;
  readonly phase: ReadonlySignal<Phase>;

  readonly #outcome = signal<Outcome | null>(null);
  readonly #progress = signal<Progress | null>(null);
  readonly #problem = signal<Problem | null>(null);
  readonly #pending = signal(false);
  readonly #rowsVersion = signal(0);
  readonly #key: ReadonlySignal<string>;
  readonly #model: AnyModel;
  readonly #rows = new RowCache();
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #ended: AbortSignal;
  #since = 0;
  /** The kernel works on something that was not asked for here. */
  #kernelComputing = false;
  /** A change comes from this store, not from Python. */
  #setting = false;

  constructor(model: AnyModel, ended: AbortSignal, clock: Clock = browserClock) {
    this.#model = model;
    this.#clock = clock;
    this.#ended = ended;
    const entries = attributionTraitNames.map((name) => [name, signal(model.get(name))]);
    this.traits = Object.fromEntries(entries) as TraitSignals;
    this.#requests = new Requests((envelope) => this.#send(envelope), clock);
    this.connection = new Connection(() => void this.#requests.post(ROW_CHANNEL, "hello"), clock);

    const { traits } = this;
    this.spec = computed(() =>
      specKey({
        method: traits.attr_method.value,
        target: traits.target.value,
        foil: traits.foil.value,
        aggregation: traits.aggregation.value,
      }),
    );
    this.#key = computed(() => rowsKey(traits._tokens.value.run, this.spec.value));
    this.signed = computed(() => isSigned(traits.aggregation.value, traits._options.value.aggregations));
    this.row = computed(() => {
      this.#rowsVersion.value;
      return this.#rows.get(this.#key.value, traits.position.value);
    });
    let last: Painted | null = null;
    let lastRun = "";
    this.painted = computed(() => {
      const row = this.row.value;
      const { run } = traits._tokens.value;
      if (run !== lastRun) last = null;
      lastRun = run;
      if (row) last = { spec: this.spec.value, position: row.position, row };
      else if (traits.position.value === null) last = null;
      return last;
    });
    this.domain = computed(() => {
      const painted = this.painted.value;
      this.#rowsVersion.value;
      if (!painted) return 0;
      if (traits.scale.value === "row") return painted.row.max;
      return this.#rows.max(rowsKey(traits._tokens.value.run, painted.spec), traits._tokens.value.n_prompt);
    });
    this.phase = computed((): Phase => {
      const connection = this.connection.state.value;
      if (connection === "offline" || connection === "lost") return "offline";
      if (this.#problem.value) return "error";
      if (this.row.value || traits.position.value === null) return "ready";
      return this.#pending.value || connection === "connecting" || connection === "waiting" ? "computing" : "stale";
    });

    this.#takeSavedRows();
    const changes = attributionTraitNames.map((name) => [`change:${name}`, () => this.#traitChanged(name)] as const);
    const receive = (content: unknown, buffers: unknown) => this.#receive(content, buffers);
    onModel(model, { ...Object.fromEntries(changes), "msg:custom": receive }, ended);
    // What was painted last is remembered even while no view looks.
    const stopRemembering = effect(() => void this.painted.value);
    onAbort(ended, () => {
      stopRemembering();
      this.#requests.close();
      this.connection.close();
    });
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

  /** When the running computation was asked for, in milliseconds of the page's clock. */
  get since(): number {
    return this.#since;
  }

  /** Is this the store of that model? (anywidget hands out a new proxy each time; the trait's object is the same.) */
  owns(model: AnyModel): boolean {
    return !this.#ended.aborted && model.get("_tokens") === this.#model.get("_tokens");
  }

  /** Can this position be shown, now or by asking the kernel? */
  canShow(position: number): boolean {
    const { first_position, texts } = this.traits._tokens.value;
    if (position < first_position || position >= texts.length) return false;
    return this.connection.open || this.#rows.get(this.#key.value, position) !== null;
  }

  /** How many rows of the current spec are at hand. */
  get rowsAtHand(): number {
    this.#rowsVersion.value;
    return this.#rows.count(this.#key.value);
  }

  /** Has the page a row of the spec that this change would lead to? */
  hasRowsFor(changes: Changes): boolean {
    this.#rowsVersion.value;
    const { attr_method: method, target, foil, aggregation } = this.#current(changes);
    const spec = specKey({ method, target, foil, aggregation });
    return this.#rows.count(rowsKey(this.traits._tokens.value.run, spec)) > 0;
  }

  /** Explains this token. */
  choose(position: number): void {
    if (position !== this.traits.position.value && this.canShow(position)) this.apply({ position });
  }

  /** Sets traits here and asks the kernel to do the same. */
  apply(changes: Changes): void {
    const rowChanges: Record<string, unknown> = {};
    const viewChanges: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(changes)) {
      (VIEW_TRAITS.has(name) ? viewChanges : rowChanges)[name] = value;
    }
    batch(() => {
      this.#problem.value = null;
      this.#setTraits(Object.entries(changes));
      if (!this.connection.open) return;
      if (Object.keys(viewChanges).length > 0) this.#requests.submit(VIEW_CHANNEL, "set", viewChanges);
      if (Object.keys(rowChanges).length > 0) {
        this.#requests.submit(ROW_CHANNEL, "set", rowChanges);
        this.#asked();
      }
    });
  }

  /** Asks again for the current row. */
  retry(): void {
    const { position } = this.#current({});
    this.apply({ position });
  }

  /** Stops what is being computed for this widget. Returns whether there was anything to stop. */
  cancel(): boolean {
    if (!this.#pending.value || this.row.value) return false;
    const id = this.#requests.drop(ROW_CHANNEL);
    this.#requests.post(ROW_CHANNEL, "cancel", id === null ? {} : { id });
    batch(() => {
      this.#kernelComputing = false;
      this.#progress.value = null;
      this.#outcome.value = null;
      this.#pending.value = false;
    });
    return true;
  }

  dismissProblem(): void {
    this.#problem.value = null;
  }

  #current(changes: Changes): Settable {
    const value = <Name extends keyof Settable>(name: Name): Settable[Name] => {
      const changed = changes[name] as Settable[Name] | undefined;
      return changed === undefined ? (this.traits[name] as Signal<Settable[Name]>).value : changed;
    };
    return {
      position: value("position"),
      pinned: value("pinned"),
      attr_method: value("attr_method"),
      target: value("target"),
      foil: value("foil"),
      aggregation: value("aggregation"),
      view_style: value("view_style"),
      scale: value("scale"),
    };
  }

  #send(envelope: unknown): void {
    try {
      this.#model.send(envelope);
    } catch (error) {
      // A comm of a kernel that has gone throws; the host will mark the model as dead.
      this.#fail({ kind: "disconnected", message: `The kernel cannot be reached (${String(error)}).`, hint: "" });
    }
  }

  #traitChanged(name: keyof AttributionTraits): void {
    batch(() => {
      (this.traits[name] as Signal<unknown>).value = this.#model.get(name);
      if (name === "_rows" || name === "_tokens") this.#takeSavedRows();
      // What Python chooses anew is another question than the one that failed.
      if (!this.#setting && (name === "_tokens" || ROW_TRAITS.has(name))) this.#problem.value = null;
      if (ROW_TRAITS.has(name)) {
        if (this.row.value) this.#outcome.value = { source: "local", elapsedMs: 0 };
        else if (!this.#setting && this.connection.open) this.#kernelStarted();
      }
      this.#refresh();
    });
  }

  #takeSavedRows(): void {
    const saved = this.#model.get("_rows");
    if (isRecord(saved) && saved.spec) this.#take(saved);
  }

  #take(source: unknown): void {
    const { run } = this.traits._tokens.value;
    // Rows of a run that is no longer shown may come late; nobody will look at them.
    if (isRecord(source) && typeof source.spec === "string" && !source.spec.startsWith(`${run}|`)) return;
    try {
      this.#rows.add(readRows(source, this.traits._tokens.value.texts.length));
      this.#rowsVersion.value++;
    } catch (error) {
      this.#fail({
        kind: "internal",
        message: `The rows from the kernel cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
        hint: "Run the cell again; if it happens again, please report it.",
      });
    }
  }

  #fail(error: ErrorDescription, about: Problem["about"] = "widget"): void {
    this.#problem.value = { ...error, about };
  }

  #asked(): void {
    if (this.row.value) {
      this.#outcome.value = { source: "local", elapsedMs: 0 };
    } else if (!this.#pending.value) {
      this.#since = this.#clock.now();
    }
    this.#progress.value = null;
    this.#refresh();
  }

  /** Brings `pending` up to date. */
  #refresh(): void {
    this.#pending.value = this.#kernelComputing || this.#requests.busy(ROW_CHANNEL);
  }

  #receive(content: unknown, buffers: unknown): void {
    batch(() => {
      let message: ReturnType<typeof parseMessage>;
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
          if (message.id !== null) this.#requests.settle(message.channel, message.id);
          else if (message.kind === "cancelled") this.#kernelComputing = false;
          break;
        case "computing":
          this.#kernelStarted();
          break;
      }
      this.#refresh();
    });
  }

  #kernelStarted(): void {
    if (!this.#pending.value) this.#since = this.#clock.now();
    this.#kernelComputing = true;
    this.#progress.value = null;
  }

  #result(message: ResultMessage): void {
    const missed = this.row.value === null;
    if (message.data.rows) this.#take(message.data.rows);
    this.#restore(message.id, message.data.state);
    const answered = message.id === null ? null : this.#requests.settle(message.channel, message.id);
    // An update that the kernel sent before it had our request may have come in between: what we asked for is what is.
    if (answered?.name === "set") this.#restore(answered.id, answered.params);
    if (missed && this.row.value) {
      this.#kernelComputing = false;
      this.#progress.value = null;
      if (message.name !== "hello") this.#outcome.value = { source: message.source, elapsedMs: message.elapsedMs };
    }
    // A page that opens while the first row is being computed has missed the kernel's word about it: ask.
    const unanswered = !this.row.value && !this.#kernelComputing && this.traits.position.value !== null;
    if (message.name === "hello" && unanswered && !this.#requests.busy(ROW_CHANNEL)) this.retry();
  }

  #progressed(message: ProgressMessage): void {
    const inFlight = this.#requests.inFlight(ROW_CHANNEL);
    if (message.id !== null && message.id !== inFlight?.id) return;
    if (this.row.value) return;
    this.#progress.value = { done: message.done, total: message.total, label: message.label };
  }

  #failed(message: ErrorMessage): void {
    // Answers reach every page that shows the widget; another page's mistakes are not ours.
    if (message.id !== null && !this.#requests.isOurs(message.id)) return;
    const request = message.id === null ? null : this.#requests.settle(message.channel, message.id);
    if (message.channel !== VIEW_CHANNEL) this.#kernelComputing = false;
    this.#progress.value = null;
    this.#restore(message.id, message.state);
    const aboutFoil = Boolean(request && "foil" in request.params && message.error.kind === "invalid_input");
    this.#fail(message.error, aboutFoil ? "foil" : "widget");
  }

  /** Takes the kernel's word on traits, unless a later request of ours is about to change them again. */
  #restore(id: number | null, state: unknown): void {
    if (!isRecord(state) || (id !== null && !this.#requests.isOurs(id))) return;
    const wanted = Object.entries(state).filter(
      ([name, value]) =>
        name in this.traits &&
        !name.startsWith("_") &&
        !this.#requests.overtaken(name, id) &&
        this.#model.get(name) !== value,
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
