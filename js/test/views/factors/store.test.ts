import { beforeEach, describe, expect, test } from "vitest";
import type { StaticModel } from "../../../src/standalone/static-model";
import { FactorsStore } from "../../../src/views/factors/store";
import { FakeClock } from "../../fake-clock";
import { cardMessage, earlyMessage, factorsMessage, factorsModel } from "./fixtures";

interface Sent {
  id: number;
  channel: string;
  name: string;
  params: Record<string, unknown>;
}

let clock: FakeClock;
let sent: Sent[];
let model: StaticModel;
let store: FactorsStore;

function start(traits: Record<string, unknown> = {}): void {
  clock = new FakeClock();
  sent = [];
  model = factorsModel(traits, sent);
  store = new FactorsStore(model, new AbortController().signal, clock);
}

beforeEach(() => start());

const receive = (content: unknown) => model.emit("msg:custom", content, []);
const last = () => sent.at(-1) as Sent;
const result = (id: number | null, data: unknown, channel = "row", name = "set") =>
  receive({ kind: "result", id, channel, name, data, elapsed_ms: 300, source: "computed" });
const shown = () => store.factors.value;

describe("factors", () => {
  test("are drawn from what is saved, without a word from the kernel", () => {
    expect(shown()?.ids).toEqual([0, 1]);
    expect(store.phase.value).toBe("ready");
    expect(sent).toEqual([]);
  });

  test("of another number: the earlier ones stay until a first picture comes, which is refined", () => {
    store.apply({ n_components: 3 });
    expect(last()).toMatchObject({ channel: "row", name: "set", params: { n_components: 3 } });
    expect([store.phase.value, store.fits.value, shown()?.ids.length]).toEqual(["computing", false, 2]);
    result(null, { factors: earlyMessage("nmf|3|all|0|0", [0, 1, 2], 1) });
    expect([store.phase.value, store.fits.value, shown()?.iterations]).toEqual(["computing", true, 1]);
    receive({ kind: "progress", id: last().id, channel: "row", done: 4, total: 100, label: "iteration 4" });
    expect(store.progress.value).toMatchObject({ done: 4, label: "iteration 4" });
    result(last().id, { factors: factorsMessage("nmf|3|all|0|0", [0, 1, 2]) });
    expect([store.phase.value, shown()?.done, store.took.value]).toEqual(["ready", true, 300]);
  });

  test("while the slider is dragged at most one request runs and one waits", () => {
    for (const n_components of [3, 4, 5, 6]) store.apply({ n_components });
    clock.advance(40);
    expect(sent.map(({ params }) => params.n_components)).toEqual([3]);
    receive({ kind: "superseded", id: last().id, channel: "row" });
    clock.advance(40);
    expect(sent.map(({ params }) => params.n_components)).toEqual([3, 6]);
  });

  test("that come late for an earlier number are shown, and are not taken for the present ones", () => {
    store.apply({ n_components: 3 });
    const first = last().id;
    store.apply({ n_components: 4 });
    result(first, { factors: factorsMessage("nmf|3|all|0|0", [0, 1, 2]) });
    expect([shown()?.ids.length, store.fits.value, store.phase.value]).toEqual([3, false, "computing"]);
  });

  test("cancelled ones stay as they were last", () => {
    store.apply({ n_components: 3 });
    const { id } = last();
    result(null, { factors: earlyMessage("nmf|3|all|0|0", [0, 1, 2], 4) });
    expect(store.cancel()).toBe(true);
    expect(last()).toMatchObject({ name: "cancel", params: { id } });
    result(null, { factors: factorsMessage("nmf|3|all|0|0", [0, 1, 2], { iterations: 4, stopped: true }) });
    receive({ kind: "cancelled", id, channel: "row" });
    expect([store.phase.value, shown()?.stopped]).toEqual(["ready", true]);
    store.resume();
    clock.advance(20);
    expect(last()).toMatchObject({ channel: "row", params: { n_components: 3 } });
  });

  test("a refused number keeps the picture and the number as it was", () => {
    store.apply({ n_components: 6 });
    const error = { kind: "invalid_input", message: "at most 5", hint: "" };
    receive({ kind: "error", id: last().id, channel: "row", error, state: { n_components: 2 } });
    expect([store.traits.n_components.value, store.phase.value, store.fits.value]).toEqual([2, "error", true]);
  });

  test("of chosen layers have the layers in their spec", () => {
    store.apply({ layers: [0] });
    result(last().id, { factors: factorsMessage("nmf|2|0|0|0", [0, 1], { layers: [0] }) });
    expect(store.phase.value).toBe("ready");
  });

  test("saved ones of an earlier choice do not take the place of the present ones", () => {
    model.set("_factors", factorsMessage("nmf|5|all|0|0", [0, 1, 2, 3, 4]));
    expect(shown()?.ids.length).toBe(2);
    model.set("_factors", factorsMessage("nmf|2|all|0|0", [0, 4]));
    expect(shown()?.ids).toEqual([0, 4]);
  });

  test("bytes that don't fit are an error, and the picture stays", () => {
    store.apply({ n_components: 3 });
    result(last().id, { factors: factorsMessage("nmf|3|all|0|0", [0, 1, 2], { ids: [0] }) });
    expect(store.problem.value?.message).toContain("loadings must have shape");
    expect(shown()?.ids).toEqual([0, 1]);
  });
});

describe("pointing", () => {
  test("isolates a factor and tells the kernel", () => {
    store.isolate(1);
    expect(store.traits.focus.value).toBe(1);
    expect(last()).toMatchObject({ channel: "view", params: { focus: 1 } });
  });

  test("while factors are refined stays in the page: the kernel may know others", () => {
    store.apply({ n_components: 3 });
    result(null, { factors: earlyMessage("nmf|3|all|0|0", [0, 1, 2], 1) });
    store.isolate(2);
    clock.advance(40);
    expect(store.traits.focus.value).toBe(2);
    expect(sent.every(({ params }) => !("focus" in params))).toBe(true);
  });

  test("at a factor that has gone is no error to tell of", () => {
    store.isolate(1);
    const error = { kind: "invalid_input", message: "no such factor", hint: "" };
    receive({ kind: "error", id: last().id, channel: "view", error, state: { focus: null } });
    expect([store.problem.value, store.traits.focus.value]).toEqual([null, null]);
  });

  test("pins are added and taken away", () => {
    store.togglePin(1);
    store.togglePin(0);
    store.togglePin(1);
    expect(store.traits.pinned.value).toEqual([0]);
  });
});

describe("a card", () => {
  test("is asked for when it is opened", () => {
    store.openCard(1);
    expect(last()).toMatchObject({ channel: "card", name: "set", params: { card: 1 } });
    expect([store.phase.value, store.card.value]).toEqual(["computing", null]);
    result(last().id, { card: cardMessage("nmf|2|all|0|0", 1) }, "card");
    expect([store.phase.value, store.card.value?.by_layer]).toEqual(["ready", [3, 4]]);
  });

  test("of newer factors comes by itself; the earlier one is shown until then", () => {
    store.openCard(1);
    result(last().id, { card: cardMessage("nmf|2|all|0|0", 1) }, "card");
    clock.advance(20);
    store.apply({ n_components: 3 });
    result(last().id, { factors: factorsMessage("nmf|3|all|0|0", [0, 1, 2]) });
    expect(store.card.value?.spec).toBe("trace-1|nmf|2|all|0|0");
    result(null, { card: cardMessage("nmf|3|all|0|0", 1) }, "card");
    expect([store.phase.value, store.card.value?.spec]).toEqual(["ready", "trace-1|nmf|3|all|0|0"]);
  });
});

describe("ablation", () => {
  const answer = (id: number) => ({
    spec: "trace-1|nmf|2|all|0|0",
    id,
    layer: null,
    index: null,
    action: "zero",
    value: null,
    top: null,
    n_neurons: 7,
    n_random: 10,
    random_overlap: 0,
    text: 0,
    n_prompt: 4,
    before: { texts: ["1", ",", " 2", ",", " 3", ","], ids: [1, 2, 3, 2, 5, 2] },
    after: { texts: ["1", ",", " 2", ",", " 9", ","], ids: [1, 2, 3, 2, 9, 2] },
    first_changed: 4,
    log_p: [{ position: 4, before: -0.1, after: -3, random_mean: -0.2, random_spread: 0.1 }],
    position: 4,
    top_before: [{ text: " 3", p: 0.9 }],
    top_after: [{ text: " 9", p: 0.4 }],
  });

  test("tells how far it is, and what came of it", async () => {
    const done = store.ablations.run({ id: 1, top: 5 });
    expect(last()).toMatchObject({ channel: "ablate", name: "ablate", params: { id: 1, top: 5 } });
    receive({ kind: "progress", id: last().id, channel: "ablate", done: 3, total: 12, label: "random neurons" });
    expect(store.ablations.running.value?.progress).toMatchObject({ done: 3, total: 12 });
    result(last().id, { ablation: answer(1) }, "ablate", "ablate");
    await done;
    expect(store.ablations.running.value).toBeNull();
    expect(store.ablations.result.value).toMatchObject({ id: 1, first_changed: 4 });
    expect(store.phase.value).toBe("ready");
  });

  test("that is cancelled leaves what was there", async () => {
    const done = store.ablations.run({ id: 1 });
    const { id } = last();
    store.ablations.cancel();
    await done;
    expect(last()).toMatchObject({ name: "cancel", params: { id } });
    result(id, { ablation: answer(1) }, "ablate", "ablate");
    expect(store.ablations.result.value).toBeNull();
  });

  test("that fails says so where it was asked for, and nowhere else", async () => {
    const done = store.ablations.run({ id: 1 });
    const error = { kind: "out_of_memory", message: "Not enough memory.", hint: "Try fewer." };
    receive({ kind: "error", id: last().id, channel: "ablate", error, state: {} });
    await done;
    expect(store.ablations.failure.value).toBe("Not enough memory. Try fewer.");
    expect([store.problem.value, store.phase.value]).toEqual([null, "ready"]);
  });
});
