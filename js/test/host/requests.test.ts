import { beforeEach, describe, expect, test } from "vitest";
import type { RequestEnvelope } from "../../src/host/messages";
import { PATIENCE_MS, Requests } from "../../src/host/requests";
import { FakeClock } from "../fake-clock";

let clock: FakeClock;
let sent: RequestEnvelope[];
let requests: Requests;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  requests = new Requests((envelope) => sent.push(envelope), clock, 1);
});

const hover = (position: number) => requests.submit("row", "set", { position });

describe("pacing", () => {
  test("the first request leaves at once", () => {
    hover(3);
    expect(sent).toEqual([{ id: 1, channel: "row", name: "set", params: { position: 3 } }]);
  });

  test("while one is in flight only the latest waits", () => {
    for (const position of [3, 4, 5, 6]) hover(position);
    clock.advance(16);
    expect(sent).toHaveLength(1);
    requests.settle("row", 1);
    expect(sent.map(({ params }) => params.position)).toEqual([3, 6]);
  });

  test("at most one request leaves in a frame, over all channels", () => {
    hover(3);
    requests.submit("view", "set", { pinned: true });
    requests.settle("row", 1);
    hover(4);
    expect(sent).toHaveLength(1);
    clock.advance(16);
    expect(sent).toHaveLength(2);
    clock.advance(16);
    expect(sent).toHaveLength(3);
    expect(new Set(sent.slice(1).map(({ channel }) => channel))).toEqual(new Set(["row", "view"]));
  });

  test("an answer that takes long does not hold the next request back", () => {
    hover(3);
    clock.advance(20);
    hover(4);
    clock.advance(PATIENCE_MS - 21);
    expect(sent).toHaveLength(1);
    clock.advance(1);
    expect(sent.map(({ params }) => params.position)).toEqual([3, 4]);
    expect(requests.inFlight("row")?.id).toBe(2);
  });

  test("waiting requests of the same name are merged, so that none swallows the other's change", () => {
    hover(3);
    requests.submit("row", "set", { attr_method: "occlusion", position: 4 });
    hover(5);
    clock.advance(16);
    requests.settle("row", 1);
    expect(sent[1]?.params).toEqual({ attr_method: "occlusion", position: 5 });
  });

  test("ids increase strictly, greetings included", () => {
    requests.post("row", "hello");
    hover(3);
    requests.post("row", "cancel", { id: 2 });
    expect(sent.map(({ id }) => id)).toEqual([1, 2, 3]);
  });
});

test("ids of different pages are far apart", () => {
  const other = new Requests((envelope) => sent.push(envelope), clock);
  other.submit("row", "set", { position: 3 });
  const id = sent[0]?.id ?? 0;
  expect(id).toBeGreaterThan(1e12);
  expect(Number.isSafeInteger(id)).toBe(true);
  expect([other.isOurs(id), other.isOurs(id + 1), requests.isOurs(id)]).toEqual([true, false, false]);
});

describe("answers", () => {
  test("only the request in flight is settled", () => {
    hover(3);
    expect(requests.settle("row", 99)).toBeNull();
    expect(requests.settle("other", 1)).toBeNull();
    expect(requests.settle("row", 1)).toMatchObject({ id: 1, params: { position: 3 } });
    expect(requests.busy("row")).toBe(false);
  });

  test("an answer's word on a trait is overtaken by a later request that names it", () => {
    hover(3);
    hover(4);
    expect(requests.overtaken("position", 1)).toBe(true);
    expect(requests.overtaken("foil", 1)).toBe(false);
    clock.advance(PATIENCE_MS);
    expect(requests.overtaken("position", 1)).toBe(true);
    expect(requests.overtaken("position", 2)).toBe(false);
    expect(requests.overtaken("position", null)).toBe(true);
    requests.settle("row", 2);
    expect(requests.overtaken("position", null)).toBe(false);
  });

  test("dropping forgets what waits and tells what was in flight", () => {
    hover(3);
    hover(4);
    expect(requests.drop("row")).toBe(1);
    clock.advance(1000);
    expect(sent).toHaveLength(1);
    expect(requests.busy("row")).toBe(false);
  });
});

test("nothing is sent after close", () => {
  hover(3);
  hover(4);
  requests.close();
  clock.advance(1000);
  hover(5);
  requests.post("row", "hello");
  expect(sent).toHaveLength(1);
});
