import { expect, test } from "vitest";
import type { Tokens } from "../../src/generated/shared";
import { TokenSequence } from "../../src/ui/strip/tokens";

const run: Tokens = {
  run: "trace-1",
  texts: ["<|endoftext|>", " 🙂", "", "", " ok", ""],
  ids: [0, 11, 12, 13, 14, 15],
  n_prompt: 4,
  special: [0],
  fragments: [[1, 3]],
  first_position: 1,
  kind: "causal",
  n_source: 0,
  segments: [{ name: "text", start: 0, stop: 6 }],
  explainable: [1, 2, 3, 4, 5],
};
const tokens = new TokenSequence(run);

test("pieces of a character are named by the character", () => {
  expect(tokens.name(1)).toBe('piece 1 of 3 of " 🙂"');
  expect(tokens.name(3)).toBe('piece 3 of 3 of " 🙂"');
  expect(tokens.fragment(4)).toBeNull();
});

test("a token without text is named by its id", () => {
  expect(tokens.name(5)).toBe("token 15");
});

test("prompt, generated, special and explainable tokens are told apart", () => {
  expect([3, 4].map((i) => tokens.isGenerated(i))).toEqual([false, true]);
  expect([0, 1, 5, 6].map((i) => tokens.isExplainable(i))).toEqual([false, true, true, false]);
  expect(tokens.isSpecial(0)).toBe(true);
});

test("the token that would come next stands at the end", () => {
  const withNext = new TokenSequence(run, 6);
  expect(withNext.length).toBe(7);
  expect(withNext.name(6)).toBe("the next token");
  expect([5, 6, 7].map((i) => withNext.isExplainable(i))).toEqual([true, true, false]);
});

test("parts are told apart, where there are several", () => {
  expect([3, 4].map((i) => tokens.partOf(i))).toEqual(["prompt", "generated"]);
  expect(tokens.segmentAt(0)).toBeNull();
  const review = new TokenSequence({
    ...run,
    kind: "classification",
    segments: [
      { name: "text", start: 0, stop: 4 },
      { name: "classes", start: 4, stop: 6 },
    ],
    explainable: [4, 5],
  });
  expect([0, 4, 5].map((i) => review.partOf(i))).toEqual(["text", "class", "class"]);
  expect(review.segmentAt(4)?.name).toBe("classes");
  expect([review.segmentAt(5), review.isClass(3), review.isClass(4)]).toEqual([null, false, true]);
  expect([review.leftToRight, tokens.leftToRight]).toEqual([false, true]);
});
