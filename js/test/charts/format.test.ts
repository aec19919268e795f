import { expect, test } from "vitest";
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatProbability,
  formatShare,
  formatValue,
  quoteToken,
} from "../../src/charts/format";

test.each([
  [0, "0%"],
  [0.0004, "<0.1%"],
  [-0.0004, "<0.1%"],
  [0.001, "0.1%"],
  [0.0424, "4.2%"],
  [-0.0424, "−4.2%"],
  [0.0996, "10%"],
  [0.1949, "19%"],
  [-1, "−100%"],
  [Number.NaN, "–"],
])("share %d reads %s", (share, text) => expect(formatShare(share)).toBe(text));

test.each([
  [0.71, "71%"],
  [0.003, "0.3%"],
  [0.0000042, "4×10⁻⁶"],
  [0, "0%"],
  [Number.NaN, "–"],
])("probability %d reads %s", (probability, text) => expect(formatProbability(probability)).toBe(text));

test.each([
  [0, "0%"],
  [0.00009, "<0.01%"],
  [0.0001, "0.01%"],
  [0.0025, "0.25%"],
  [0.0424, "4.2%"],
  [0.4, "40%"],
  [0.9968, "99.7%"],
  [0.99996, "100%"],
  [Number.NaN, "–"],
])("percent %d reads %s", (probability, text) => expect(formatPercent(probability)).toBe(text));

test.each([
  [0.2, "<1 ms"],
  [38.2, "38 ms"],
  [999.7, "1.0 s"],
  [1234, "1.2 s"],
  [42_000, "42 s"],
  [125_000, "2 min 5 s"],
])("%d milliseconds read %s", (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

test.each([
  [7, "7"],
  [8192, "8,192"],
  [50257, "50,257"],
  [1234567, "1,234,567"],
])("count %d reads %s", (count, text) => expect(formatCount(count)).toBe(text));

test.each([
  [12.4444, "12.4"],
  [-0.0312, "−0.0312"],
  [Number.NEGATIVE_INFINITY, "−∞"],
])("value %d reads %s", (value, text) => expect(formatValue(value)).toBe(text));

test.each([
  [" Denmark", '" Denmark"'],
  ["\n", '"↵"'],
  ["\r\n\t", '"↵→"'],
  ["\u202eabc", '"U+202Eabc"'],
  ["👩‍🚀", '"👩‍🚀"'],
])("token %j is quoted as %s", (text, quoted) => expect(quoteToken(text)).toBe(quoted));
