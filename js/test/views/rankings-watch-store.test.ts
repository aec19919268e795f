import { beforeEach, describe, expect, test } from "vitest";
import type { StaticModel } from "../../src/standalone/static-model";
import { RankCache, readRanks } from "../../src/views/rankings-watch/ranks";
import { RankingsWatchStore } from "../../src/views/rankings-watch/store";
import { FakeClock } from "../fake-clock";
import { lensModel, ranksMessage } from "./lens-fixtures";

interface Sent {
  id: number;
  channel: string;
  params: Record<string, unknown>;
}

let sent: Sent[];
let model: StaticModel;
let store: RankingsWatchStore;

beforeEach(() => {
  sent = [];
  const traits = {
    view_style: "columns",
    watch: [30, 40],
    _watched: [
      { id: 30, text: " is" },
      { id: 40, text: " are" },
    ],
    _ranks: ranksMessage([30, 40]),
  };
  model = lensModel(traits, sent);
  store = new RankingsWatchStore(model, new AbortController().signal, new FakeClock());
});

const last = () => sent.at(-1) as Sent;
const result = (id: number | null, data: unknown) =>
  model.emit(
    "msg:custom",
    { kind: "result", id, channel: "row", name: "set", data, elapsed_ms: 3, source: "computed" },
    [],
  );
const drawn = () => store.painted.value?.tokens.map(({ id, column }) => [id, column && Array.from(column.ranks)]);

test("saved ranks are drawn, a column for each token", () => {
  expect(drawn()).toEqual([
    [30, [30, 31, 32]],
    [40, [40, 41, 42]],
  ]);
  expect(store.phase.value).toBe("ready");
});

test("an added token is asked for, while those at hand stay", () => {
  store.watchToken({ id: 50, text: " was" }, true);
  expect(last()).toMatchObject({ channel: "row", params: { watch: [30, 40, 50] } });
  expect(store.phase.value).toBe("computing");
  expect(store.fresh.value).toBe(true);
  expect(drawn()).toEqual([
    [30, [30, 31, 32]],
    [40, [40, 41, 42]],
    [50, null],
  ]);
  result(last().id, { ranks: ranksMessage([30, 40, 50]) });
  expect(store.phase.value).toBe("ready");
  expect(store.painted.value?.tokens[2]).toMatchObject({ id: 50, text: " was", place: 2 });
});

test("a removed token goes at once", () => {
  store.watchToken({ id: 30, text: " is" }, false);
  expect(store.phase.value).toBe("ready");
  expect(drawn()).toEqual([[40, [40, 41, 42]]]);
});

test("at another position the old ranks stay until its own arrive", () => {
  store.choose(6);
  expect(store.fresh.value).toBe(false);
  expect(store.painted.value?.position).toBe(5);
  result(last().id, { ranks: ranksMessage([30, 40], { position: 6 }) });
  expect(store.fresh.value).toBe(true);
  expect(store.painted.value?.position).toBe(6);
});

test("ranks of another reading do not replace what is shown", () => {
  result(null, { ranks: { ...ranksMessage([30, 40], { how: "0|block" }) } });
  expect(store.painted.value?.place).toBe("trace-1|5|1|block");
  expect(store.hasFor({ final_norm: false })).toBe(true);
  expect(store.hasFor({ site: "ffn_out" })).toBe(false);
});

test("without tokens there is nothing to compute", () => {
  store.watchToken({ id: 30, text: "" }, false);
  store.watchToken({ id: 40, text: "" }, false);
  store.choose(7);
  expect(store.phase.value).toBe("ready");
  expect(store.painted.value).toMatchObject({ position: 7, tokens: [] });
});

describe("ranks", () => {
  test.each([
    [null, /must name their spec/],
    [
      { spec: "r|5|1|block|1", ids: [1, 2], ranks: ranksMessage([1]).ranks },
      /ranks must have shape \[any, 2\], got \[3, 1\]/,
    ],
  ])("that do not fit are refused: %#", (source, message) => expect(() => readRanks(source)).toThrow(message));

  test("of no token are fine", () => {
    expect(readRanks(ranksMessage([])).columns).toEqual([]);
  });

  test("over the limit the places used longest ago go first", () => {
    const cache = new RankCache(4);
    cache.add(readRanks(ranksMessage([1, 2])));
    cache.add(readRanks(ranksMessage([1, 2], { position: 6 })));
    cache.add(readRanks(ranksMessage([3])));
    expect(cache.get("trace-1|6|1|block", 1)).toBeNull();
    expect(cache.get("trace-1|5|1|block", 3)?.ranks[0]).toBe(3);
  });
});
