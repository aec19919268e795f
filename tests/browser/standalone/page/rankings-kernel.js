/** A stand-in for the kernel of a rankings widget: answers with what the test has given it, after a delay that the test sets. */

export const gridSpec = ({ _tokens, scope, final_norm, site }) => `${_tokens.run}|${scope}|${final_norm ? 1 : 0}|${site}`;
export const topSpec = ({ _tokens, position, topk, final_norm, site }) =>
  `${_tokens.run}|${position}|${topk}|${final_norm ? 1 : 0}|${site}`;

/** Takes arrays out of a message, as the wire wants it. */
function encode(data) {
  const buffers = [];
  const walk = (value) => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    if (ArrayBuffer.isView(value.data)) {
      const { buffer, byteOffset, byteLength } = value.data;
      // Odd offsets on purpose: real messages are not aligned either.
      const bytes = new Uint8Array(byteLength + 1);
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), 1);
      buffers.push(new DataView(bytes.buffer, 1));
      return { $array: buffers.length - 1, dtype: value.dtype, shape: value.shape };
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return [walk(data), buffers];
}

const OTHER_CHANNELS = ["view", "mark", "watch"];

export class RankingsKernel {
  constructor(state, answers) {
    this.state = { ...state };
    this.model = null;
    this.received = [];
    this.delay = 20;
    /** Steps to report before a grid. */
    this.steps = 0;
    /** Answers nothing while true. */
    this.deaf = false;
    /** Values of a request's parameters that fail: value -> error. */
    this.failures = new Map();
    /** Channel -> the request that is being worked on. */
    this.running = new Map();
    this.grids = new Map();
    this.tops = new Map();
    for (const found of [state, ...answers]) {
      for (const grid of [found._grid, found.grid]) if (grid?.spec) this.grids.set(grid.spec, grid);
      for (const top of [found._top, ...(found.tops ?? [])]) if (top?.spec) this.tops.set(top.spec, top);
    }
  }

  receive(message) {
    this.received.push(message);
    if (this.deaf) return;
    if (message.name === "hello") this.#later(5, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.2, source: "cache" }));
    else if (message.name === "cancel") this.#cancel(message);
    else if (message.name === "set") this.#set(message);
  }

  /** Python sets traits. */
  setFromPython(changes) {
    Object.assign(this.state, changes);
    this.#send({ kind: "computing", id: null, channel: "row" });
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.#later(this.delay, () => {
      const [data, buffers] = encode(this.#found());
      this.#send({ kind: "result", id: null, channel: "row", name: "set", data, elapsed_ms: 12, source: "computed" }, buffers);
    });
  }

  #found() {
    const found = {};
    const grid = this.grids.get(gridSpec(this.state));
    const top = this.state.position === null ? null : this.tops.get(topSpec(this.state));
    if (grid) found.grid = grid;
    if (top) found.top = top;
    return found;
  }

  #cancel({ params, channel, id, name }) {
    for (const [busy, message] of this.running) {
      if (params.id !== undefined && params.id !== message.id) continue;
      this.running.delete(busy);
      this.#reply(message, "cancelled", {});
    }
    this.#reply({ id, channel, name }, "result", { data: { cancelled: 1 }, elapsed_ms: 0, source: "cache" });
  }

  #set(message) {
    const { channel } = message;
    const failure = [...this.failures].find(([value]) => Object.values(message.params).map(String).includes(value));
    if (failure) {
      const state = Object.fromEntries(Object.keys(message.params).map((name) => [name, this.state[name] ?? null]));
      this.#later(this.delay, () => this.#reply(message, "error", { error: failure[1], state }));
      return;
    }
    Object.assign(this.state, message.params);
    if (OTHER_CHANNELS.includes(channel)) {
      this.#later(1, () => this.#reply(message, "result", { data: {}, elapsed_ms: 0.1, source: "cache" }));
      return;
    }
    const before = this.running.get(channel);
    if (before) this.#reply(before, "superseded", {});
    this.running.set(channel, message);
    for (let step = 1; step <= (channel === "row" ? this.steps : 0); step++) {
      this.#later((this.delay * step) / (this.steps + 1), () => {
        if (this.running.get(channel) !== message) return;
        this.#reply(message, "progress", { done: step, total: this.steps + 1, label: "positions" });
      });
    }
    this.#later(this.delay, () => {
      if (this.running.get(channel) !== message) return;
      this.running.delete(channel);
      const { grid, top } = this.#found();
      const [data, buffers] = encode(channel === "row" ? { ...(grid ? { grid } : {}) } : { ...(top ? { top } : {}) });
      this.#reply(message, "result", { data, elapsed_ms: this.delay, source: "computed" }, buffers);
      if (channel === "row" && top) {
        const [topData, topBuffers] = encode({ top });
        const later = { kind: "result", id: null, channel: "opened", name: "set", data: topData, elapsed_ms: 3, source: "computed" };
        this.#send(later, topBuffers);
      }
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
