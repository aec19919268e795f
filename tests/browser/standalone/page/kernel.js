/**
 * A stand-in for the kernel: answers what a widget asks, after a delay that the test sets.
 *
 * What it answers is a pure function of the traits, so that a test can tell what it sees.
 */

/** Takes arrays out of a message, as the wire wants it. */
function encode(data) {
  const buffers = [];
  const walk = (value) => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    if (ArrayBuffer.isView(value.data)) {
      // Odd offsets on purpose: real messages are not aligned either.
      const { buffer, byteOffset, byteLength } = value.data;
      const bytes = new Uint8Array(byteLength + 1);
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), 1);
      buffers.push(new DataView(bytes.buffer, 1));
      return { $array: buffers.length - 1, dtype: value.dtype, shape: value.shape };
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return [walk(data), buffers];
}

/** What travels over channels that compute nothing. */
const QUIET = ["view", "mark", "watch"];

export class FakeKernel {
  /**
   * @param answers What it knows of a widget: `key(state)` names what the traits ask for, `data(state)` is the answer,
   *   `operations` are further operations, each `(params, state) => data`.
   */
  constructor(state, answers) {
    this.answers = answers;
    this.state = { ...state };
    this.model = null;
    this.received = [];
    this.delay = 20;
    /** Of operations other than `set`. */
    this.operationDelay = 5;
    /** Steps to report before the answer to such an operation. */
    this.operationSteps = 0;
    /** Answers nothing while true. */
    this.deaf = false;
    /** Positions (or names) that fail: value -> error. */
    this.failures = new Map();
    /** The error of the next `set`, whatever it asks for. */
    this.refuseNext = null;
    /** Steps to report before a result. */
    this.steps = 0;
    this.cache = new Set();
    this.running = null;
  }

  receive(message) {
    this.received.push(message);
    if (this.deaf) return;
    if (message.name === "hello") this.#later(5, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.2, source: "cache" }));
    else if (message.name === "cancel") this.#cancel();
    else if (message.name === "set") this.#set(message);
    else this.#operate(message);
  }

  /** Python sets a trait. */
  setFromPython(changes) {
    Object.assign(this.state, changes);
    this.#send({ kind: "computing", id: null, channel: "row" });
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.#later(this.delay, () => this.sendData(this.answers.data(this.state)));
  }

  /** Background work sends the rows of some positions. */
  sendRows(positions) {
    for (const found of this.answers.at(this.state, positions)) this.sendData(found);
  }

  /** Background work sends results. */
  sendData(found) {
    const [data, buffers] = encode(found);
    this.#send({ kind: "result", id: null, channel: "row", name: "set", data, elapsed_ms: 12, source: "computed" }, buffers);
  }

  #cancel() {
    if (this.running && this.answers.cancelled) this.sendData(this.answers.cancelled(this.state));
    this.running = null;
  }

  #operate(message) {
    const operation = this.answers.operations?.[message.name];
    const failure = this.failures.get(message.name);
    if (failure) this.#later(this.operationDelay, () => this.#reply(message, "error", { error: failure, state: {} }));
    else if (operation) {
      const data = operation(message.params, this.state);
      for (let step = 1; step <= this.operationSteps; step++) {
        const progress = { done: step, total: this.operationSteps + 1, label: "random neurons" };
        this.#later((this.operationDelay * step) / (this.operationSteps + 1), () => this.#reply(message, "progress", progress));
      }
      this.#later(this.operationDelay, () => this.#reply(message, "result", { data, elapsed_ms: 3, source: "computed" }));
    }
  }

  #set(message) {
    const named = [...this.failures].find(([value]) => Object.values(message.params).includes(value));
    const failure = this.refuseNext ? ["", this.refuseNext] : named;
    this.refuseNext = null;
    if (failure) {
      const state = Object.fromEntries(Object.keys(message.params).map((name) => [name, this.state[name] ?? null]));
      this.#later(this.delay, () => this.#reply(message, "error", { error: failure[1], state }));
      return;
    }
    Object.assign(this.state, message.params);
    if (QUIET.includes(message.channel)) {
      this.#later(1, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.1, source: "cache" }));
      return;
    }
    const small = this.answers.channels?.[message.channel];
    if (small) {
      this.#later(this.operationDelay, () => {
        const [data, buffers] = encode(small(this.state));
        this.#reply(message, "result", { data, elapsed_ms: 2, source: "computed" }, buffers);
      });
      return;
    }
    if (this.running && !this.answerAll) this.#reply(this.running, "superseded", {});
    this.running = message;
    const asked = { ...this.state };
    const key = this.answers.key(asked);
    const cached = this.cache.has(key);
    const delay = cached ? 1 : this.delay;
    for (let step = 1; step <= this.steps; step++) {
      this.#later((delay * step) / (this.steps + 1), () => {
        if (this.running === message) {
          this.#reply(message, "progress", { done: step, total: this.steps + 1, label: this.answers.step ?? "step" });
        }
      });
    }
    const early = cached ? [] : (this.answers.early?.(asked) ?? []);
    for (const [i, found] of early.entries()) {
      this.#later((delay * (i + 1)) / (early.length + 1), () => this.running === message && this.sendData(found()));
    }
    this.#later(delay, () => {
      if (this.running !== message && !this.answerAll) return;
      if (this.running === message) this.running = null;
      this.cache.add(key);
      const [data, buffers] = encode(this.answers.data(asked));
      this.#reply(message, "result", { data, elapsed_ms: cached ? 0.3 : delay, source: cached ? "cache" : "computed" }, buffers);
    });
  }

  #later(delay, callback) {
    setTimeout(callback, delay);
  }

  #reply({ id, channel, name }, kind, rest, buffers = []) {
    this.#send({ kind, id, channel, ...(kind === "result" ? { name } : {}), ...rest }, buffers);
  }

  #send(content, buffers = []) {
    if (!this.deaf) this.model.emit("msg:custom", content, buffers);
  }
}
