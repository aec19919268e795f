import { describe, expect, test } from "vitest";
import { spanInSight } from "../../src/ui/predictions/in-sight";
import { moveInGrid } from "../../src/ui/predictions/picture";
import { typedNumber } from "../../src/ui/stepper";
import { visibleSegments } from "../../src/ui/token-text";
import { offersOf } from "../../src/views/rankings-watch/completion-list";

describe("keys in the table of candidates", () => {
  const size = [3, 5] as const;
  test.each([
    ["ArrowRight", [0, 1]],
    ["ArrowLeft", [0, 0]],
    ["ArrowDown", [1, 0]],
    ["ArrowUp", [0, 0]],
    ["End", [0, 4]],
    ["x", null],
  ])("%s", (key, to) => expect(moveInGrid(key, [0, 0], size, false)).toEqual(to));

  test("a single layer is a list", () => {
    expect(moveInGrid("ArrowDown", [0, 1], [1, 5], true)).toEqual([0, 2]);
    expect(moveInGrid("ArrowDown", [0, 4], [1, 5], true)).toEqual([0, 4]);
    expect(moveInGrid("ArrowRight", [0, 1], [1, 5], true)).toBeNull();
  });
});

test.each([
  ["7", 7],
  [" 12 ", 12],
  ["0", 1],
  ["900", 50],
  ["", null],
  ["1.5", null],
  ["-3", null],
])("typed %j is %j", (text, number) => expect(typedNumber(text, 1, 50)).toBe(number));

describe("a token's text in one line", () => {
  const read = (text: string) => visibleSegments(text).map(({ kind, text: piece }) => [kind, piece]);
  test.each([
    [
      " are",
      [
        ["space", " "],
        ["text", "are"],
      ],
    ],
    ["are", [["text", "are"]]],
    [
      "\n\n",
      [
        ["newline", ""],
        ["newline", ""],
      ],
    ],
    [
      " of the",
      [
        ["space", " "],
        ["text", "of the"],
      ],
    ],
    ["\t", [["tab", "\t"]]],
    ["<b>", [["text", "<b>"]]],
  ])("%j", (text, segments) => expect(read(text)).toEqual(segments));
});

describe("offers for what is typed", () => {
  const are = { id: 1, text: " are" };
  const area = { id: 2, text: " area" };

  test("the exact token comes first, once", () => {
    const offers = offersOf({ text: "are", tokens: [area, are], exact: are, pieces: [" are"], problem: "" });
    expect(offers.map(({ text }) => text)).toEqual([" are", " area"]);
  });

  test("what is no token offers its pieces", () => {
    const offers = offersOf({ text: "x", tokens: [area], exact: null, pieces: [" ca", "b", "b"], problem: "3 tokens" });
    expect(offers.map(({ text, token }) => [text, token?.id ?? null])).toEqual([
      [" ca", null],
      ["b", null],
      [" area", 2],
    ]);
  });
});

test.each([
  [0, 25, 48, 0, 100, [0, 4]],
  [-60, 25, 48, 0, 100, [2, 7]],
  [500, 25, 48, 0, 100, [0, 0]],
  [-5000, 25, 48, 0, 100, [48, 48]],
  [0, 0, 1, 0, 100, [0, 1]],
])("items from %d, every %d, %d of them, in %d..%d", (first, pitch, count, start, end, span) => {
  const { from, to } = spanInSight(first, pitch, count, start, end);
  expect([from, to]).toEqual(span);
});
