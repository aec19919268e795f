/**
 * A stand-in for the kernel: answers what the widget asks, after a delay that the test sets.
 *
 * Rows are a pure function of spec and position, so that a test can tell which row it sees.
 */

export function specKey({ attr_method, target, foil, aggregation }) {
  return `${attr_method}|${target}|${target === "contrast" ? (foil ?? "") : ""}|${aggregation}`;
}

function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return h >>> 0;
}

function noise(seed) {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
}

/** One row: absolute values sum to 1, NaN from the position on. */
export function row(tokens, spec, position) {
  const { texts } = tokens;
  const signed = spec.endsWith("|sum");
  const seed = (hash(spec) % 97) + position * 0.37;
  const values = new Float32Array(texts.length).fill(Number.NaN);
  let sum = 0;
  for (let i = 0; i < position; i++) {
    const kin = /\p{Lu}/u.test(texts[i]) === /\p{Lu}/u.test(texts[position]) ? 1 : 0.25;
    const wordy = /\p{L}{3}/u.test(texts[i]) ? 1 : 0.1;
    const near = 0.25 + Math.exp(-(position - i) / Math.max(6, position / 4));
    const strength = kin * wordy * near * (0.25 + noise(seed + i * 1.7)) ** 2;
    values[i] = signed && noise(seed * 3 + i * 2.3) < 0.4 ? -strength : strength;
    sum += strength;
  }
  for (let i = 0; i < position; i++) values[i] /= sum;
  return values;
}

export function rowsOf(tokens, spec, positions) {
  const width = tokens.texts.length;
  const values = new Float32Array(positions.length * width);
  positions.forEach((position, r) => values.set(row(tokens, spec, position), r * width));
  const per = (f) => Float32Array.from(positions, f);
  const rival = tokens.texts.at(-2);
  return {
    spec: `${tokens.run}|${spec}`,
    foils: positions.map(() => (spec.includes("|contrast|") ? spec.split("|")[2] || rival : "")),
    positions,
    values: { dtype: "float32", shape: [positions.length, width], data: values },
    probability: { dtype: "float32", shape: [positions.length], data: per((p) => 0.02 + 0.9 * noise(p * 1.3)) },
    rank: { dtype: "int32", shape: [positions.length], data: Int32Array.from(positions, (p) => 1 + Math.floor(6 * noise(p) ** 3)) },
    target_value: { dtype: "float32", shape: [positions.length], data: per((p) => 12 + noise(p)) },
    gap: {
      dtype: "float32",
      shape: [positions.length],
      data: per(() => (spec.startsWith("integrated_gradients") ? 0.004 : Number.NaN)),
    },
  };
}

/** Takes arrays out of a message, as the wire wants it. */
function encode(data) {
  const buffers = [];
  const walk = (value) => {
    if (Array.isArray(value) || value === null || typeof value !== "object") return value;
    if (ArrayBuffer.isView(value.data)) {
      // Odd offsets on purpose: real messages are not aligned either.
      const bytes = new Uint8Array(value.data.byteLength + 1);
      bytes.set(new Uint8Array(value.data.buffer), 1);
      buffers.push(new DataView(bytes.buffer, 1));
      return { $array: buffers.length - 1, dtype: value.dtype, shape: value.shape };
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return [walk(data), buffers];
}

export class FakeKernel {
  constructor(state) {
    this.state = { ...state };
    this.model = null;
    this.received = [];
    this.delay = 20;
    /** Answers nothing while true. */
    this.deaf = false;
    /** Positions (or names) that fail: value -> error. */
    this.failures = new Map();
    /** Steps to report before a result. */
    this.steps = 0;
    this.cache = new Set();
    this.running = null;
  }

  receive(message) {
    this.received.push(message);
    if (this.deaf) return;
    if (message.name === "hello") this.#later(5, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.2, source: "cache" }));
    else if (message.name === "cancel") this.running = null;
    else if (message.name === "set") this.#set(message);
  }

  /** Python sets a trait. */
  setFromPython(changes) {
    Object.assign(this.state, changes);
    this.#send({ kind: "computing", id: null, channel: "row" });
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.#later(this.delay, () => this.sendRows([this.state.position]));
  }

  /** Background work sends rows. */
  sendRows(positions, spec = specKey(this.state)) {
    const [data, buffers] = encode({ rows: rowsOf(this.state._tokens, spec, positions) });
    this.#send({ kind: "result", id: null, channel: "row", name: "set", data, elapsed_ms: 12, source: "computed" }, buffers);
  }

  #set(message) {
    const failure = [...this.failures].find(([value]) => Object.values(message.params).includes(value));
    if (failure) {
      const state = Object.fromEntries(Object.keys(message.params).map((name) => [name, this.state[name] ?? null]));
      this.#later(this.delay, () => this.#reply(message, "error", { error: failure[1], state }));
      return;
    }
    Object.assign(this.state, message.params);
    if (message.channel === "view") {
      this.#later(1, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.1, source: "cache" }));
      return;
    }
    if (this.running && !this.answerAll) this.#reply(this.running, "superseded", {});
    this.running = message;
    const { position } = this.state;
    const spec = specKey(this.state);
    const key = `${spec}@${position}`;
    const cached = this.cache.has(key);
    const delay = cached ? 1 : this.delay;
    for (let step = 1; step <= this.steps; step++) {
      this.#later((delay * step) / (this.steps + 1), () => {
        if (this.running === message) {
          this.#reply(message, "progress", { done: step, total: this.steps + 1, label: "integration step" });
        }
      });
    }
    this.#later(delay, () => {
      if (this.running !== message && !this.answerAll) return;
      if (this.running === message) this.running = null;
      this.cache.add(key);
      const [data, buffers] = encode({ rows: rowsOf(this.state._tokens, spec, position === null ? [] : [position]) });
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
