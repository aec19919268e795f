import { expect, test } from "vitest";
import { parseMessage } from "../../src/host/messages";

test("a result's arrays are decoded", () => {
  const message = parseMessage(
    {
      kind: "result",
      id: 17,
      channel: "row",
      name: "set",
      data: { values: { $array: 0, dtype: "float32", shape: [2] } },
      elapsed_ms: 38.2,
      source: "cache",
    },
    [new DataView(Float32Array.of(0.5, 0.5).buffer)],
  );
  expect(message).toMatchObject({ kind: "result", id: 17, elapsedMs: 38.2, source: "cache" });
  expect(message).toHaveProperty("data.values.data", Float32Array.of(0.5, 0.5));
});

test("an error without words still says something", () => {
  const message = parseMessage({ kind: "error", id: null, channel: "row" });
  expect(message).toMatchObject({ kind: "error", id: null, error: { kind: "error", hint: "" }, state: {} });
  expect(message).toHaveProperty("error.message", "The kernel reported an error without a message.");
});

test.each([[null], ["result"], [{}], [{ kind: "anywidget-command-response" }], [[1]]])("%j is not ours", (content) => {
  expect(parseMessage(content)).toBeNull();
});

test.each([[1.5], ["7"], [2 ** 60], [undefined]])("id %j counts as none", (id) => {
  expect(parseMessage({ kind: "superseded", id, channel: "row" })).toMatchObject({ id: null });
});
