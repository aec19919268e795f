import { describe, expect, test } from "vitest";
import { CodecError, decodeArray, decodeMessageData, typedArray } from "../../src/host/codec";

function bytesOf(values: Float32Array, offset: number): DataView {
  const buffer = new ArrayBuffer(values.byteLength + offset + 3);
  new Uint8Array(buffer).set(new Uint8Array(values.buffer), offset);
  return new DataView(buffer, offset, values.byteLength);
}

describe("typedArray", () => {
  const values = Float32Array.of(1, -2.5, Number.NaN, 1e-30);

  test("reads a DataView at any offset", () => {
    for (const offset of [0, 1, 2, 3, 4, 7, 8]) {
      expect(typedArray(bytesOf(values, offset), "float32")).toEqual(values);
    }
  });

  test("does not copy where the bytes are aligned", () => {
    const view = bytesOf(values, 8);
    expect(typedArray(view, "float32").buffer).toBe(view.buffer);
  });

  test("reads ArrayBuffer and Uint8Array as well", () => {
    expect(typedArray(values.buffer, "float32")).toEqual(values);
    expect(typedArray(new Uint8Array(values.buffer), "float32")).toEqual(values);
  });

  test("refuses bytes that are not a whole number of values", () => {
    expect(() => typedArray(new DataView(new ArrayBuffer(7)), "float32")).toThrow(/7 bytes are not a whole number/);
  });

  test("refuses what is not bytes", () => {
    expect(() => typedArray(null, "int32")).toThrow(/got null/);
    expect(() => typedArray([1, 2], "int32")).toThrow(CodecError);
  });
});

describe("decodeArray", () => {
  const data = new DataView(new ArrayBuffer(24));

  test("checks that the bytes fill the shape", () => {
    expect(decodeArray({ dtype: "float32", shape: [2, 3], data }).shape).toEqual([2, 3]);
    expect(() => decodeArray({ dtype: "float32", shape: [2, 4], data })).toThrow("shape [2, 4] needs 8 values, got 6");
  });

  test.each([["float16"], ["toString"], [undefined]])("refuses dtype %s", (dtype) => {
    expect(() => decodeArray({ dtype, shape: [6], data })).toThrow(/dtype must be one of/);
  });

  test.each([[[-1]], [[1.5]], ["6"], [null]])("refuses shape %j", (shape) => {
    expect(() => decodeArray({ dtype: "float32", shape, data })).toThrow(/shape must be a list of sizes/);
  });

  test("takes an empty array", () => {
    expect(decodeArray({ dtype: "float32", shape: [0, 5], data: new DataView(new ArrayBuffer(0)) }).data.length).toBe(
      0,
    );
  });
});

describe("decodeMessageData", () => {
  test("replaces placeholders at any depth and leaves the rest alone", () => {
    const buffer = new DataView(Int32Array.of(3, 4).buffer);
    const decoded = decodeMessageData(
      { rows: { rank: { $array: 0, dtype: "int32", shape: [2] }, positions: [5, 6] }, state: { foil: null } },
      [buffer],
    );
    expect(decoded).toEqual({
      rows: { rank: { dtype: "int32", shape: [2], data: Int32Array.of(3, 4) }, positions: [5, 6] },
      state: { foil: null },
    });
  });

  test("refuses an index without a buffer", () => {
    expect(() => decodeMessageData({ $array: 1, dtype: "int32", shape: [1] }, [new ArrayBuffer(4)])).toThrow(
      /must index one of 1 buffers, got 1/,
    );
  });

  test("refuses endless nesting", () => {
    let data: unknown = 1;
    for (let i = 0; i < 40; i++) data = [data];
    expect(() => decodeMessageData(data, [])).toThrow(/too deeply/);
  });
});
