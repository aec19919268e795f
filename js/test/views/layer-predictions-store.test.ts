import { beforeEach, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../../src/host/requests";
import type { StaticModel } from "../../src/standalone/static-model";
import { LayerPredictionsStore } from "../../src/views/layer-predictions/store";
import { FakeClock } from "../fake-clock";
import { lensModel, topMessage } from "./lens-fixtures";

interface Sent {
  id: number;
  channel: string;
  name: string;
  params: Record<string, unknown>;
}

let clock: FakeClock;
let sent: Sent[];
let model: StaticModel;
let store: LayerPredictionsStore;
let ended: AbortController;

function start(traits: Record<string, unknown> = {}): void {
  clock = new FakeClock();
  sent = [];
  model = lensModel({ topk: 10, layers: null, _top: topMessage("1|block", 10), ...traits }, sent);
  ended = new AbortController();
  store = new LayerPredictionsStore(model, ended.signal, clock);
}

beforeEach(() => start());

const last = () => sent.at(-1) as Sent;
const receive = (content: unknown) => model.emit("msg:custom", content, []);
const result = (id: number | null, data: unknown, name = "set", channel = "row") =>
  receive({ kind: "result", id, channel, name, data, elapsed_ms: 12, source: "computed" });

describe("the best tokens", () => {
  test("that were saved are drawn without a word from the kernel", () => {
    expect(store.tops.painted.value?.position).toBe(5);
    expect(store.phase.value).toBe("ready");
    expect(sent).toEqual([]);
  });

  test("fewer than were received are at hand, more are not", () => {
    store.apply({ topk: 4 });
    expect(store.tops.current.value).toMatchObject({ k: 4, stride: 10, spec: "trace-1|5|4|1|block" });
    expect(store.outcome.value?.source).toBe("local");
    expect(last()).toMatchObject({ channel: "row", name: "set", params: { topk: 4 } });
    store.apply({ topk: 20 });
    expect(store.tops.current.value).toBeNull();
    expect(store.tops.painted.value?.k).toBe(4);
    expect(store.phase.value).toBe("computing");
  });

  test("of a narrower answer that comes late do not replace wider ones", () => {
    result(null, { top: topMessage("1|block", 4) });
    expect(store.tops.current.value?.k).toBe(10);
  });

  test("that fill other positions in the background leave the picture alone", () => {
    result(null, { top: topMessage("1|block", 10, { position: 6 }) }, "set", "fill");
    expect(store.tops.painted.value?.position).toBe(5);
    store.choose(6);
    expect(store.tops.painted.value?.position).toBe(6);
    expect(store.phase.value).toBe("ready");
  });

  test("of the token that would come next can be asked for", () => {
    expect([0, 1, 7, 8, 9].map((p) => store.canChoose(p))).toEqual([false, true, true, true, false]);
    store.choose(8);
    result(last().id, { top: topMessage("1|block", 10, { position: 8, actual: false }) });
    expect(store.tops.painted.value?.actual).toBeNull();
    expect(store.phase.value).toBe("ready");
  });

  test("of another reading are another answer", () => {
    store.change({ final_norm: false });
    expect(last()).toMatchObject({ params: { final_norm: false } });
    expect(store.tops.current.value).toBeNull();
    clock.advance(PATIENCE_MS);
    store.change({ final_norm: true });
    expect(store.phase.value).toBe("ready");
  });

  test("that can't be read are an error, not a crash", () => {
    store.choose(6);
    const broken = { ...topMessage("1|block", 10, { position: 6 }), texts: [["a"]] };
    result(last().id, { top: broken });
    expect(store.problem.value?.message).toMatch(/texts must be 3 lists of 10 texts/);
    expect(store.tops.painted.value?.position).toBe(5);
  });

  test("of another run are forgotten", () => {
    model.set("_top", {});
    model.set("_tokens", { ...(model.get("_tokens") as object), run: "trace-2" });
    expect(store.tops.painted.value).toBeNull();
    result(null, { top: topMessage("1|block", 10) });
    expect(store.tops.painted.value).toBeNull();
  });

  test("of other positions are at hand in an exported page", () => {
    start({ _kept: [topMessage("1|block", 10, { position: 6 }), topMessage("1|block", 10, { position: 7 })] });
    expect([5, 6, 7, 4].map((position) => store.hasFor({ position }))).toEqual([true, true, true, false]);
  });

  test("are asked for by a page that opens before there are any", () => {
    start({ _top: {} });
    result(1, {}, "hello");
    expect(last()).toMatchObject({ name: "set", params: { position: 5 } });
  });
});

describe("watched tokens", () => {
  const token = { id: 77, text: " is" };

  test("are marked at once, under the text they were pressed with", () => {
    store.watchToken(token, true);
    expect(store.watched.value).toEqual([token]);
    expect(last()).toMatchObject({ channel: "watch", name: "set", params: { watch: [77] } });
    expect(store.phase.value).toBe("ready");
  });

  test("of quick presses are all asked for", () => {
    store.watchToken(token, true);
    store.watchToken({ id: 78, text: " are" }, true);
    clock.advance(PATIENCE_MS);
    expect(last().params).toEqual({ watch: [77, 78] });
    store.watchToken(token, false);
    clock.advance(PATIENCE_MS);
    expect(last().params).toEqual({ watch: [78] });
  });

  test("that are refused go again", () => {
    store.watchToken(token, true);
    receive({
      kind: "error",
      id: last().id,
      channel: "watch",
      error: { kind: "invalid_input", message: "at most 24 tokens can be watched, got 25.", hint: "" },
      state: { watch: [] },
    });
    expect(store.watched.value).toEqual([]);
    expect(store.problem.value?.about).toBe("widget");
  });

  test("that come from a sibling are taken", () => {
    model.set("_watched", [{ id: 5, text: " was" }]);
    model.set("watch", [5]);
    expect(store.watched.value).toEqual([{ id: 5, text: " was" }]);
    expect(sent).toEqual([]);
  });
});

describe("questions", () => {
  test("a contrast tells how many attributions follow", async () => {
    const answer = store.contrast({ id: 77, text: " is" }, 5);
    expect(last()).toMatchObject({ channel: "contrast", name: "contrast", params: { id: 77, position: 5 } });
    result(last().id, { contrasted: 2 }, "contrast", "contrast");
    expect(await answer).toBe(2);
  });

  test("a contrast that is refused is a problem of its own, and computes nothing", async () => {
    const answer = store.contrast({ id: 77, text: " is" }, 5);
    const error = { kind: "invalid_input", message: "it is the explained token.", hint: "" };
    receive({ kind: "error", id: last().id, channel: "contrast", error, state: {} });
    expect(await answer).toBeNull();
    expect(store.problem.value).toMatchObject({ about: "contrast", message: "it is the explained token." });
  });

  test("completions are read, whatever is missing", async () => {
    const answer = store.complete("ar");
    result(last().id, { text: "ar", tokens: [{ id: 1, text: " are" }, { id: "x" }] }, "complete", "complete");
    expect(await answer).toEqual({
      text: "ar",
      tokens: [{ id: 1, text: " are" }],
      exact: null,
      pieces: [],
      problem: "",
    });
  });

  test("what is superseded, or outlives the widget, has no answer", async () => {
    const first = store.complete("a");
    receive({ kind: "superseded", id: last().id, channel: "complete" });
    expect(await first).toBeNull();
    const second = store.complete("ar");
    ended.abort();
    expect(await second).toBeNull();
  });
});

test("pointing marks the position for the other widgets, and leaves an error in peace", () => {
  store.choose(6);
  const error = { kind: "internal", message: "no", hint: "" };
  receive({ kind: "error", id: last().id, channel: "row", error, state: { position: 5 } });
  store.mark(3);
  clock.advance(16); // one request a frame
  expect(last()).toMatchObject({ channel: "mark", name: "set", params: { marked: 3 } });
  expect(store.phase.value).toBe("error");
  const count = sent.length;
  store.mark(3);
  expect(sent).toHaveLength(count);
});
