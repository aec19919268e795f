import { expect, test } from "vitest";
import { TokenSequence } from "../../src/ui/strip/tokens";

const tokens = new TokenSequence({
  run: "trace-1",
  texts: ["<|endoftext|>", " 🙂", "", "", " ok", ""],
  ids: [0, 11, 12, 13, 14, 15],
  n_prompt: 4,
  special: [0],
  fragments: [[1, 3]],
  first_position: 1,
});

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
