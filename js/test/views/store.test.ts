import { beforeEach, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../../src/host/requests";
import type { StaticModel } from "../../src/standalone/static-model";
import { AttributionStore } from "../../src/views/attribution/store";
import { FakeClock } from "../fake-clock";
import { model as createModel, rowsMessage, SPEC, TOKENS } from "./fixtures";

interface Sent {
  id: number;
  channel: string;
  name: string;
  params: Record<string, unknown>;
}

let clock: FakeClock;
let sent: Sent[];
let model: StaticModel;
let store: AttributionStore;
let ended: AbortController;

function start(traits: Record<string, unknown> = {}): void {
  clock = new FakeClock();
  sent = [];
  model = createModel(traits, sent);
  ended = new AbortController();
  store = new AttributionStore(model, ended.signal, clock);
}

beforeEach(() => start());

const receive = (content: unknown) => model.emit("msg:custom", content, []);

/** Messages carry arrays apart; the store takes decoded ones as well. */
function result(id: number | null, rows: unknown, extra: Record<string, unknown> = {}): void {
  receive({
    kind: "result",
    id,
    channel: "row",
    name: "set",
    data: { rows },
    elapsed_ms: 38,
    source: "computed",
    ...extra,
  });
}

const painted = () => `${store.painted.value?.spec}@${store.painted.value?.position}`;
const last = () => sent.at(-1) as Sent;

describe("choosing a token", () => {
  test("draws saved rows without a word from the kernel", () => {
    expect(painted()).toBe(`${SPEC}@5`);
    expect(store.phase.value).toBe("ready");
    expect(sent).toEqual([]);
  });

  test("a row at hand is painted at once, and the kernel is told", () => {
    result(null, rowsMessage(SPEC, [6], TOKENS));
    store.choose(6);
    expect(painted()).toBe(`${SPEC}@6`);
    expect(store.phase.value).toBe("ready");
    expect(store.outcome.value?.source).toBe("local");
    expect(last()).toMatchObject({ channel: "row", name: "set", params: { position: 6 } });
  });

  test("otherwise the old colours stay until the row arrives", () => {
    store.choose(6);
    expect(painted()).toBe(`${SPEC}@5`);
    expect(store.phase.value).toBe("computing");
    result(last().id, rowsMessage(SPEC, [6], TOKENS));
    expect(painted()).toBe(`${SPEC}@6`);
    expect(store.phase.value).toBe("ready");
    expect(store.outcome.value).toEqual({ source: "computed", elapsedMs: 38 });
  });

  test("an answer that comes late does not overwrite what is shown", () => {
    store.choose(6);
    const first = last().id;
    clock.advance(PATIENCE_MS);
    store.choose(7);
    const second = last().id;
    expect(second).toBeGreaterThan(first);
    result(second, rowsMessage(SPEC, [7], TOKENS));
    result(first, rowsMessage(SPEC, [6], TOKENS));
    expect(painted()).toBe(`${SPEC}@7`);
    store.choose(6);
    expect(painted()).toBe(`${SPEC}@6`);
  });

  test("an answer for another method does not overwrite what is shown", () => {
    store.apply({ attr_method: "occlusion" });
    const late = last().id;
    clock.advance(PATIENCE_MS);
    store.apply({ attr_method: "grad_x_input" });
    result(late, rowsMessage("occlusion|logit||l2", [5], TOKENS));
    expect(painted()).toBe(`${SPEC}@5`);
  });

  test("a position without a prediction is not asked for", () => {
    store.choose(0);
    store.choose(TOKENS);
    expect(sent).toEqual([]);
  });

  test("pinning does not disturb the row's channel", () => {
    store.apply({ pinned: true });
    expect(last()).toMatchObject({ channel: "view", params: { pinned: true } });
    expect(store.phase.value).toBe("ready");
  });

  test("the page's model follows at once, so that other views do", () => {
    store.apply({ position: 6, pinned: true });
    expect([model.get("position"), model.get("pinned")]).toEqual([6, true]);
  });
});

describe("the kernel's word", () => {
  const failure = { kind: "invalid_input", message: "foil must be one token.", hint: "It makes 3." };

  test("an error shows, restores the traits and leaves the picture", () => {
    store.apply({ target: "contrast", foil: " Copenhagen" });
    receive({ kind: "error", id: last().id, channel: "row", error: failure, state: { target: "logit", foil: null } });
    expect(store.problem.value).toMatchObject({ message: "foil must be one token.", about: "foil" });
    expect(store.phase.value).toBe("error");
    expect(model.get("target")).toBe("logit");
    expect(painted()).toBe(`${SPEC}@5`);
    store.dismissProblem();
    expect(store.phase.value).toBe("ready");
  });

  test("an error does not take back what was chosen since", () => {
    store.choose(6);
    const id = last().id;
    store.choose(7);
    receive({ kind: "error", id, channel: "row", error: failure, state: { position: 5 } });
    expect(model.get("position")).toBe(7);
  });

  test("the next choice ends an error", () => {
    store.choose(6);
    receive({ kind: "error", id: last().id, channel: "row", error: failure, state: { position: 5 } });
    store.choose(7);
    expect(store.problem.value).toBeNull();
  });

  test.each(["position", "_tokens"])("so does Python's: %s", (name) => {
    receive({ kind: "error", id: null, channel: "row", error: failure, state: {} });
    expect(store.phase.value).toBe("error");
    model.set(name, name === "position" ? 7 : { ...(model.get("_tokens") as object) });
    expect(store.problem.value).toBeNull();
  });

  test("Python's choice is computing until its row arrives", () => {
    receive({ kind: "result", id: null, channel: "row", name: "hello", data: {}, elapsed_ms: 0, source: "cache" });
    receive({ kind: "computing", id: null, channel: "row" });
    model.set("position", 7);
    expect(store.phase.value).toBe("computing");
    result(null, rowsMessage(SPEC, [7], TOKENS));
    expect(store.phase.value).toBe("ready");
    expect(painted()).toBe(`${SPEC}@7`);
    expect(sent).toEqual([]);
  });

  test("rows computed in the background leave the status alone", () => {
    store.choose(6);
    result(last().id, rowsMessage(SPEC, [6], TOKENS));
    result(null, rowsMessage(SPEC, [1, 2, 3], TOKENS), { elapsed_ms: 900 });
    expect(store.outcome.value?.elapsedMs).toBe(38);
    expect(store.rowsAtHand).toBe(5);
  });

  test("progress shows for what is in flight only", () => {
    store.choose(6);
    const id = last().id;
    receive({ kind: "progress", id: id + 7, channel: "row", done: 1, total: 20, label: "step" });
    expect(store.progress.value).toBeNull();
    receive({ kind: "progress", id, channel: "row", done: 3, total: 20, label: "step" });
    expect(store.progress.value).toEqual({ done: 3, total: 20, label: "step" });
    result(id, rowsMessage(SPEC, [6], TOKENS));
    expect(store.progress.value).toBeNull();
  });

  test("a page that opens while the first row is computed asks for it", () => {
    start({ _rows: rowsMessage(SPEC, [], TOKENS) });
    receive({ kind: "result", id: 1, channel: "row", name: "hello", data: {}, elapsed_ms: 0, source: "cache" });
    expect(last()).toMatchObject({ name: "set", params: { position: 5 } });
  });

  test("rows that can't be read are an error, not a crash", () => {
    store.choose(6);
    result(last().id, rowsMessage(SPEC, [6], TOKENS + 1));
    expect(store.problem.value?.message).toMatch(/values must have shape \[1, 8\], got \[1, 9\]/);
    expect(painted()).toBe(`${SPEC}@5`);
  });

  test("another run forgets the old picture, and its late rows do no harm", () => {
    const tokens = model.get("_tokens") as { texts: string[] };
    model.set("_rows", {});
    model.set("_tokens", { ...tokens, run: "trace-2", texts: tokens.texts.slice(1) });
    expect(store.painted.value).toBeNull();
    result(null, rowsMessage(SPEC, [5], TOKENS));
    expect(store.painted.value).toBeNull();
    expect(store.problem.value).toBeNull();
    result(null, { ...rowsMessage(SPEC, [5], TOKENS - 1), spec: `trace-2|${SPEC}` });
    expect(painted()).toBe(`${SPEC}@5`);
  });

  test("the same run sent again keeps the picture", () => {
    model.set("_tokens", { ...(model.get("_tokens") as object) });
    expect(painted()).toBe(`${SPEC}@5`);
    expect(store.row.value).not.toBeNull();
  });

  test("an update sent before our request was handled does not win", () => {
    store.choose(6);
    model.set("position", 3); // the kernel sent this before it had our request, and does not send 6 back
    expect(store.traits.position.value).toBe(3);
    result(last().id, rowsMessage(SPEC, [6], TOKENS));
    expect(model.get("position")).toBe(6);
    expect(painted()).toBe(`${SPEC}@6`);
  });

  test("a refused update of another page does not take back our request", () => {
    store.choose(6);
    receive({ kind: "error", id: null, channel: "state", error: failure, state: { position: 5, pinned: true } });
    expect([model.get("position"), model.get("pinned")]).toEqual([6, true]);
  });

  test("another page's error is not ours", () => {
    store.choose(6);
    receive({ kind: "error", id: last().id - 5000, channel: "row", error: failure, state: { position: 3 } });
    expect(store.problem.value).toBeNull();
    expect(model.get("position")).toBe(6);
  });

  test("work that Python asked for and that was given up is not waited for", () => {
    receive({ kind: "computing", id: null, channel: "row" });
    model.set("position", 7);
    receive({ kind: "cancelled", id: null, channel: "row" });
    expect(store.phase.value).toBe("stale");
  });
});

describe("cancelling", () => {
  test("tells the kernel which request, and says that the picture is stale", () => {
    store.choose(6);
    const { id } = last();
    receive({ kind: "progress", id, channel: "row", done: 1, total: 20, label: "step" });
    expect(store.cancel()).toBe(true);
    expect(last()).toMatchObject({ name: "cancel", params: { id } });
    expect(store.phase.value).toBe("stale");
    store.retry();
    clock.advance(16);
    expect(last()).toMatchObject({ name: "set", params: { position: 6 } });
    expect(store.phase.value).toBe("computing");
  });

  test("nothing to stop is nothing to send", () => {
    expect(store.cancel()).toBe(false);
    expect(sent).toEqual([]);
  });
});

describe("scale", () => {
  test("spans this row, or the rows of all generated tokens", () => {
    result(null, rowsMessage(SPEC, [2, 7], TOKENS));
    store.choose(7);
    expect(store.domain.value).toBeCloseTo(1 / 7);
    store.apply({ scale: "fixed" });
    expect(store.domain.value).toBeCloseTo(1 / 5);
  });

  test("spans all rows where nothing was generated", () => {
    start({ _tokens: { ...(model.get("_tokens") as object), n_prompt: TOKENS }, scale: "fixed" });
    result(null, rowsMessage(SPEC, [2], TOKENS));
    expect(store.domain.value).toBeCloseTo(1 / 2);
  });
});

test("nothing listens after the end", () => {
  ended.abort();
  model.set("position", 6);
  store.choose(7);
  expect(sent).toEqual([]);
  expect(store.traits.position.value).toBe(5);
});
