import { beforeEach, describe, expect, test } from "vitest";
import { StaticModel } from "../../../src/standalone/static-model";
import { activationScale } from "../../../src/views/neurons/scale";
import { NeuronsStore } from "../../../src/views/neurons/store";
import { FakeClock } from "../../fake-clock";

interface Sent {
  id: number;
  channel: string;
  name: string;
  params: Record<string, unknown>;
}

const TOKENS = 4;
const ints = (values: number[]) => ({ dtype: "int32", shape: [values.length], data: Int32Array.from(values) });
const floats = (shape: number[], values: number[]) => ({ dtype: "float32", shape, data: Float32Array.from(values) });
const histogram = { edges: floats([3], [-1, 0, 3]), counts: ints([5, 2]) };

function mapMessage(how: string, layer: number, neurons = [7, 3, 9]) {
  return {
    spec: `trace-1|${how}`,
    layer,
    neurons: ints(neurons),
    cluster: ints(neurons.map((_, i) => i % 2)),
    values: floats(
      [neurons.length, TOKENS],
      neurons.flatMap((n) => [n, 0, -0.1, 1]),
    ),
    silhouette: 0.25,
    total: 16,
    histogram,
  };
}

function neuronMessage(layer: number, index: number) {
  return {
    spec: `trace-1|${layer}|${index}`,
    layer,
    index,
    values: floats([TOKENS], [index, 0, 0, 1]),
    top_tokens: [0, 3],
    histogram,
    promotes: [{ id: 1, text: " a", score: 1 }],
    suppresses: [],
    no_vocabulary: "",
  };
}

let clock: FakeClock;
let sent: Sent[];
let model: StaticModel;
let store: NeuronsStore;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  model = new StaticModel(
    {
      _tokens: {
        run: "trace-1",
        texts: ["a", " b", " c", " d"],
        ids: [1, 2, 3, 4],
        n_prompt: 4,
        special: [],
        fragments: [],
        first_position: 1,
        kind: "causal",
        n_source: 0,
        segments: [{ name: "text", start: 0, stop: TOKENS }],
        explainable: [1, 2, 3],
      },
      _model: { name: "demo", layers: 2, vocabulary: 100, context: 64 },
      _bounds: {
        layers: 2,
        widths: [16, 16],
        most_clusters: 16,
        most_shown: 16,
        shifted: true,
        stack: "only",
        ablation: "",
      },
      _map: mapMessage("0|2|cluster|10", 0),
      _neuron: {},
      layer: 0,
      n_clusters: 2,
      order: "cluster",
      n_shown: 10,
      selected: null,
      marked: null,
    },
    (message) => sent.push(message as Sent),
  );
  store = new NeuronsStore(model, new AbortController().signal, clock);
});

const receive = (content: unknown) => model.emit("msg:custom", content, []);
const last = () => sent.at(-1) as Sent;
const result = (id: number | null, data: unknown, channel = "row") =>
  receive({ kind: "result", id, channel, name: "set", data, elapsed_ms: 20, source: "computed" });

describe("the map", () => {
  test("is drawn from what is saved", () => {
    expect([...(store.map.value?.neurons ?? [])]).toEqual([7, 3, 9]);
    expect([store.phase.value, sent.length]).toEqual(["ready", 0]);
  });

  test("of another layer is asked for; the earlier one stays until it comes, and is at hand when one goes back", () => {
    store.showLayer(1);
    expect(last()).toMatchObject({ channel: "row", params: { layer: 1 } });
    expect([store.map.value, store.painted.value?.layer, store.phase.value]).toEqual([null, 0, "computing"]);
    result(last().id, { map: mapMessage("1|2|cluster|10", 1, [2, 5]) });
    expect([store.map.value?.layer, store.phase.value]).toEqual([1, "ready"]);
    clock.advance(20);
    store.showLayer(0);
    expect([store.map.value?.layer, store.phase.value]).toEqual([0, "ready"]);
  });

  test("of another layer closes the neuron that is open", () => {
    store.select(7);
    result(last().id, { neuron: neuronMessage(0, 7) }, "neuron");
    clock.advance(20);
    store.showLayer(1);
    expect(store.traits.selected.value).toBeNull();
  });

  test("of another run is not taken", () => {
    result(null, { map: { ...mapMessage("0|3|cluster|10", 0), spec: "trace-9|0|2|cluster|10" } });
    expect(store.map.value?.spec).toBe("trace-1|0|2|cluster|10");
  });

  test("with bytes that don't fit is an error, and the earlier one stays", () => {
    store.apply({ n_clusters: 3 });
    result(last().id, { map: { ...mapMessage("0|3|cluster|10", 0), cluster: ints([1]) } });
    expect(store.problem.value?.message).toContain("cluster must have shape [3]");
    expect(store.painted.value?.spec).toBe("trace-1|0|2|cluster|10");
  });
});

describe("a neuron", () => {
  test("is asked for on a channel of its own", () => {
    store.select(9);
    expect(last()).toMatchObject({ channel: "neuron", name: "set", params: { selected: 9 } });
    expect([store.neuron.value, store.phase.value]).toEqual([null, "computing"]);
    result(last().id, { neuron: neuronMessage(0, 9) }, "neuron");
    expect([store.neuron.value?.topTokens, store.phase.value]).toEqual([[0, 3], "ready"]);
  });

  test("is followed by the next row of the map", () => {
    store.select(3);
    store.step(1);
    expect(store.traits.selected.value).toBe(9);
    store.step(1);
    expect(store.traits.selected.value).toBe(9);
    store.step(-1);
    expect(store.traits.selected.value).toBe(3);
  });

  test("that is not in the map is followed by its ends", () => {
    store.select(12);
    store.step(1);
    expect(store.traits.selected.value).toBe(7);
  });
});

describe("the scale of activations", () => {
  test("is one-sided where those below zero are small, two-sided where not", () => {
    const gelu = activationScale(Float32Array.from([4, 2, 0, -0.17]), "light");
    expect([gelu.signed, gelu.end, gelu.step(-0.17), gelu.step(Number.NaN)]).toEqual([false, 4, 0, -1]);
    const gated = activationScale(Float32Array.from([4, -3, 0]), "light");
    expect([gated.signed, gated.ticks.map(({ label }) => label)]).toEqual([true, ["−4", "0", "4"]]);
    expect(gated.step(4)).toBeGreaterThan(gated.step(0));
    expect(gated.step(-4)).toBe(0);
  });

  test("of nothing but zeros has an end", () => {
    expect(activationScale(new Float32Array(5), "dark").end).toBeGreaterThan(0);
  });
});
