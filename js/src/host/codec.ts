/**
 * Arrays as they travel: `{dtype, shape, data}` in traits, `{$array: i, dtype, shape}` in messages; little endian, C order.
 *
 * Hosts hand bytes over as DataView (ipywidgets), ArrayBuffer or Uint8Array, at any offset. Views are made without copying
 * where the alignment allows it.
 */

const CONSTRUCTORS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

export type DType = keyof typeof CONSTRUCTORS;
export type ArrayData = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: ArrayData;
}

/** Bytes from the kernel are not what they claim to be. */
export class CodecError extends Error {
  override name = "CodecError";
}

const MAX_DEPTH = 12;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export function isNdArray(value: unknown): value is NdArray {
  return isRecord(value) && ArrayBuffer.isView(value.data) && !(value.data instanceof DataView);
}

function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(CONSTRUCTORS, value);
}

function checkedShape(shape: unknown): number[] {
  const valid = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
  if (!valid) throw new CodecError(`shape must be a list of sizes, got ${JSON.stringify(shape)}`);
  return shape as number[];
}

/** The typed array over some bytes: a view if they are aligned, else a copy. */
export function typedArray(bytes: unknown, dtype: DType): ArrayData {
  const Constructor = CONSTRUCTORS[dtype];
  const size = Constructor.BYTES_PER_ELEMENT;
  let buffer: ArrayBufferLike;
  let offset = 0;
  let length: number;
  if (ArrayBuffer.isView(bytes)) {
    buffer = bytes.buffer;
    offset = bytes.byteOffset;
    length = bytes.byteLength;
  } else if (bytes instanceof ArrayBuffer) {
    buffer = bytes;
    length = bytes.byteLength;
  } else {
    throw new CodecError(`expected the bytes of a ${dtype} array, got ${bytes === null ? "null" : typeof bytes}`);
  }
  if (length % size !== 0) throw new CodecError(`${length} bytes are not a whole number of ${dtype} values`);
  if (offset % size !== 0) {
    buffer = buffer.slice(offset, offset + length);
    offset = 0;
  }
  return new Constructor(buffer as ArrayBuffer, offset, length / size);
}

/** Decodes `{dtype, shape, data}` and checks that the bytes fill the shape. */
export function decodeArray(value: unknown): NdArray {
  if (!isRecord(value)) throw new CodecError(`expected an array object, got ${typeof value}`);
  if (!isDType(value.dtype)) {
    throw new CodecError(`dtype must be one of ${Object.keys(CONSTRUCTORS).join(", ")}, got ${String(value.dtype)}`);
  }
  const shape = checkedShape(value.shape);
  const data = typedArray(value.data, value.dtype);
  const expected = shape.reduce((product, size) => product * size, 1);
  if (data.length !== expected) {
    throw new CodecError(`shape [${shape.join(", ")}] needs ${expected} values, got ${data.length}`);
  }
  return { dtype: value.dtype, shape, data };
}

/** Replaces every `{$array: i, dtype, shape}` inside a message's data by the decoded array. */
export function decodeMessageData(data: unknown, buffers: readonly unknown[], depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new CodecError("message is nested too deeply");
  if (Array.isArray(data)) return data.map((item) => decodeMessageData(item, buffers, depth + 1));
  if (!isRecord(data)) return data;
  if ("$array" in data) {
    const index = data.$array;
    if (typeof index !== "number" || !(index in buffers)) {
      throw new CodecError(`$array must index one of ${buffers.length} buffers, got ${JSON.stringify(index)}`);
    }
    return decodeArray({ dtype: data.dtype, shape: data.shape, data: buffers[index] });
  }
  return Object.fromEntries(
    Object.entries(data).map(([key, item]) => [key, decodeMessageData(item, buffers, depth + 1)]),
  );
}
