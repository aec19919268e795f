import { beforeEach, describe, expect, test } from "vitest";
import type { StaticModel } from "../../../src/standalone/static-model";
import { RankingsStore } from "../../../src/views/rankings/store";
import { FakeClock } from "../../fake-clock";
import { model as createModel, gridMessage, RUN, SPEC, TOKENS, topMessage } from "./fixtures";

interface Sent {
  id: number;
  channel: string;
  name: string;
  params: Record<string, unknown>;
}

let clock: FakeClock;
let sent: Sent[];
let model: StaticModel;
let store: RankingsStore;
let ended: AbortController;

function start(traits: Record<string, unknown> = {}): void {
  clock = new FakeClock();
  sent = [];
  model = createModel(traits, sent);
  ended = new AbortController();
  store = new RankingsStore(model, ended.signal, clock);
}

/** As in a saved page: the host says that nobody is there. */
function offline(): void {
  const el = { classList: { contains: () => true } } as unknown as HTMLElement;
  globalThis.MutationObserver = class {
    observe() {
      // nothing happens to it
    }
    disconnect() {
      // nothing to end
    }
  } as unknown as typeof MutationObserver;
  store.connection.attach(model, el, ended.signal);
}

beforeEach(() => start());

const receive = (content: unknown) => model.emit("msg:custom", content, []);
const last = () => sent.at(-1) as Sent;
const result = (id: number | null, data: unknown, channel = "row") =>
  receive({ kind: "result", id, channel, name: "set", data, elapsed_ms: 38, source: "computed" });

describe("the map", () => {
  test("is drawn from what is saved, without a word from the kernel", () => {
    expect(store.painted.value?.spec).toBe(SPEC);
    expect(store.phase.value).toBe("ready");
    expect(sent).toEqual([]);
  });

  test("another measure needs no computing", () => {
    store.apply({ measure: "entropy" });
    expect(last()).toMatchObject({ channel: "view", params: { measure: "entropy" } });
    expect(store.phase.value).toBe("ready");
  });

  test("another scope is asked for; the earlier picture stays until it arrives", () => {
    store.apply({ scope: "all" });
    expect(last()).toMatchObject({ channel: "row", name: "set", params: { scope: "all" } });
    expect(store.phase.value).toBe("computing");
    expect(store.grid.value).toBeNull();
    expect(store.painted.value?.spec).toBe(SPEC);
    result(last().id, { grid: gridMessage(`${RUN}|all|1|block`, [1, 2, 3, 4, 5, 6, 7]) });
    expect(store.painted.value?.positions).toHaveLength(7);
    expect(store.phase.value).toBe("ready");
  });

  test("going back to a choice that was computed is local", () => {
    store.apply({ final_norm: false });
    result(last().id, { grid: gridMessage(`${RUN}|generated|0|block`) });
    store.apply({ final_norm: true });
    expect(store.painted.value?.spec).toBe(SPEC);
    expect(store.phase.value).toBe("ready");
    expect(store.outcome.value?.source).toBe("local");
  });

  test("a late answer to another choice does not overwrite it", () => {
    store.apply({ final_norm: false });
    const late = last().id;
    clock.advance(1000);
    store.apply({ final_norm: true });
    result(late, { grid: gridMessage(`${RUN}|generated|0|block`) });
    expect(store.painted.value?.spec).toBe(SPEC);
  });

  test("an error keeps the picture and takes back the choice", () => {
    store.apply({ site: "ffn_out" });
    const error = { kind: "out_of_memory", message: "Not enough memory.", hint: "" };
    receive({ kind: "error", id: last().id, channel: "row", error, state: { site: "block" } });
    expect(store.phase.value).toBe("error");
    expect(store.problem.value?.message).toBe("Not enough memory.");
    expect(store.painted.value?.spec).toBe(SPEC);
    expect(model.get("site")).toBe("block");
  });

  test("cancelling tells the kernel which request and leaves the picture stale", () => {
    store.apply({ scope: "all" });
    const { id } = last();
    receive({ kind: "progress", id, channel: "row", done: 3, total: 7, label: "positions" });
    expect(store.progress.value).toEqual({ done: 3, total: 7, label: "positions" });
    expect(store.cancel()).toBe(true);
    expect(last()).toMatchObject({ name: "cancel", params: { id } });
    expect(store.phase.value).toBe("stale");
    expect(store.painted.value?.spec).toBe(SPEC);
    store.retry();
    clock.advance(20);
    expect(last()).toMatchObject({ name: "set", params: { scope: "all" } });
  });

  test("numbers that don't fit are an error, not a crash", () => {
    store.apply({ scope: "all" });
    const broken = { ...gridMessage(`${RUN}|all|1|block`), positions: [1, 2] };
    result(last().id, { grid: broken });
    expect(store.problem.value?.message).toMatch(/rank must have shape \[any, 2\], got \[3, 3\]/);
    expect(store.painted.value?.spec).toBe(SPEC);
  });

  test("another run forgets the picture, and its late grids do no harm", () => {
    model.set("_tokens", { ...TOKENS, run: "trace-2" });
    expect(store.painted.value).toBeNull();
    result(null, { grid: gridMessage() });
    expect(store.painted.value).toBeNull();
  });

  test("a page that opens while the map is computed asks for it", () => {
    start({ _grid: {} });
    receive({ kind: "result", id: 1, channel: "row", name: "hello", data: {}, elapsed_ms: 0, source: "cache" });
    expect(last()).toMatchObject({ name: "set", params: { scope: "generated" } });
  });

  test("a run without predictions asks for nothing", () => {
    start({ _grid: {}, _tokens: { ...TOKENS, explainable: [] } });
    expect(store.phase.value).toBe("ready");
  });

  test("as many choices are kept as one goes back to", () => {
    for (let i = 0; i < 20; i++) result(null, { grid: gridMessage(`${RUN}|generated|0|site-${i}`) });
    expect(store.hasFor({ final_norm: false, site: "site-19" as "block" })).toBe(true);
    expect(store.hasFor({ final_norm: false, site: "site-1" as "block" })).toBe(false);
  });
});

test("large maps push out older ones", () => {
  const positions = Array.from({ length: 90_000 }, (_, i) => i);
  for (const site of ["a", "b"]) result(null, { grid: gridMessage(`${RUN}|generated|0|${site}`, positions) });
  expect(store.hasFor({ final_norm: false, site: "a" as "block" })).toBe(false);
  expect(store.hasFor({ final_norm: false, site: "b" as "block" })).toBe(true);
});

describe("an opened position", () => {
  test("is asked for on a channel of its own, the map is not computed anew", () => {
    store.toggle(6);
    expect(last()).toMatchObject({ channel: "opened", params: { position: 6 } });
    expect(store.phase.value).toBe("computing");
    expect(store.grid.value).not.toBeNull();
    result(last().id, { top: topMessage(6) }, "opened");
    expect(store.opened.painted.value?.position).toBe(6);
    expect(store.phase.value).toBe("ready");
  });

  test("is closed by a second click", () => {
    store.toggle(6);
    store.toggle(6);
    expect(store.traits.position.value).toBeNull();
    expect(store.opened.painted.value).toBeNull();
    expect(store.phase.value).toBe("ready");
  });

  test("keeps the earlier table until the next one is there", () => {
    store.toggle(6);
    result(last().id, { top: topMessage(6) }, "opened");
    clock.advance(1000);
    store.toggle(7);
    expect(store.opened.current.value).toBeNull();
    expect(store.opened.painted.value?.position).toBe(6);
  });

  test("asks again for what is missing, and only for that", () => {
    store.toggle(6);
    store.cancel();
    store.retry();
    clock.advance(20);
    expect(last()).toMatchObject({ channel: "opened", params: { position: 6 } });
    expect(sent.filter(({ channel, name }) => channel === "row" && name === "set")).toEqual([]);
  });

  test("where there is no prediction nothing opens", () => {
    store.toggle(0);
    expect(sent).toEqual([]);
  });
});

describe("without a kernel", () => {
  test("a position opens with the tokens that the map has", () => {
    offline();
    expect(store.phase.value).toBe("offline");
    store.toggle(6);
    const top = store.opened.painted.value;
    expect(top).toMatchObject({ position: 6, layers: 3, k: 2, actual: { id: 7, text: " on" } });
    expect([...(top?.actualRanks ?? [])]).toEqual([3, 1, 1]);
    expect(top?.actualProbabilities[1]).toBeCloseTo(0.5, 6);
    expect(sent).toEqual([]);
  });

  test("saved predictions are better than those", () => {
    start({ _kept: [topMessage(6)] });
    offline();
    store.toggle(6);
    expect(store.opened.painted.value?.texts[0]).toEqual([" t0", " t1"]);
  });

  test("other measures work, other scopes are not there", () => {
    offline();
    store.apply({ measure: "kl" });
    expect(store.traits.measure.value).toBe("kl");
    expect(store.hasFor({ scope: "all" })).toBe(false);
    expect(store.hasFor({ scope: "generated" })).toBe(true);
    expect(store.canChoose(3)).toBe(false);
    expect(store.canChoose(6)).toBe(true);
    expect(sent).toEqual([]);
  });
});
