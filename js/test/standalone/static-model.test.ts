import { describe, expect, test, vi } from "vitest";
import { restoreState, StaticModel } from "../../src/standalone/static-model";

describe("saved state", () => {
  const floats = Float32Array.of(0.25, 0.75);
  const base64 = btoa(String.fromCharCode(...new Uint8Array(floats.buffer)));

  test("buffers go back to where they were taken from", () => {
    const state = { _rows: { values: { dtype: "float32", shape: [1, 2] }, list: [{}] }, position: 3 };
    const restored = restoreState({
      state,
      buffers: [
        { path: ["_rows", "values", "data"], data: base64, encoding: "base64" },
        { path: ["_rows", "list", 0, "data"], data: "0aff", encoding: "hex" },
      ],
    }) as { _rows: { values: { data: DataView }; list: { data: DataView }[] }; position: number };
    expect(restored._rows.values.data.getFloat32(4, true)).toBe(0.75);
    expect(restored._rows.list[0]?.data.getUint8(1)).toBe(255);
    expect(state._rows.values).not.toHaveProperty("data");
  });

  test("a path that leads nowhere is refused", () => {
    const buffers = [{ path: ["_rows", "values", "data"], data: base64, encoding: "base64" as const }];
    expect(() => restoreState({ state: {}, buffers })).toThrow(/nothing at _rows.values.data/);
  });
});

describe("the model", () => {
  test("tells of changes, and only of changes", () => {
    const model = new StaticModel({ position: 3 });
    const changed = vi.fn();
    model.on("change:position", changed);
    model.set("position", 3);
    model.set("position", 4);
    expect(changed).toHaveBeenCalledTimes(1);
    model.off("change:position", changed);
    model.set("position", 5);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(model.get("position")).toBe(5);
  });
});
