import { expect, test } from "vitest";
import { sameValue } from "../../src/host/same-value";

const bytes = new Float32Array(2);

test.each<[unknown, unknown, boolean]>([
  [1, 1, true],
  [Number.NaN, Number.NaN, true],
  [null, undefined, false],
  [[1, [2]], [1, [2]], true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [{ a: 1 }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [bytes, bytes, true],
  [bytes, new Float32Array(2), false],
])("%j and %j: %j", (a, b, same) => expect(sameValue(a, b)).toBe(same));
