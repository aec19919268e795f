import { describe, expect, test } from "vitest";
import { isSlim, layoutToken } from "../../src/ui/strip/segments";

/** Short form: text as it is, `·` space, `→` tab, `↵` mark, `/` break, `[U+..]` code. */
function shown(text: string, previous?: string): string {
  const short = { text: "", space: "·", tab: "→", newline: "↵", break: "/", code: "" };
  const { before, inside, after } = layoutToken(text, previous);
  const write = (segments: typeof inside) =>
    segments
      .map(({ kind, text: piece }) => (kind === "text" ? piece : kind === "code" ? `[${piece}]` : short[kind]))
      .join("");
  return `${write(before)}|${write(inside)}|${after.replace("\n", "/")}`;
}

describe("the highlight covers the glyphs", () => {
  test.each([
    [" Denmark", " |Denmark|"],
    ["The", "|The|"],
    ["\n", "|↵|/"],
    [".\n", "|.↵|/"],
    ["\n\n", "|↵/↵|/"],
    ["\nThe", "|↵/The|"],
    ["\r\n", "|↵|/"],
    [" of the", " |of the|"],
  ])("%j is laid out as %s", (text, layout) => expect(shown(text)).toBe(layout));
});

describe("white space that matters is marked", () => {
  test.each([
    [" ", "|·|"],
    ["   ", "|···|"],
    ["  if", "··|if|"],
    ["end ", "|end·|"],
    ["a  b", "|a··b|"],
    ["\t\treturn", "|→→return|"],
    ["\u00a0", "|·|"],
  ])("%j is laid out as %s", (text, layout) => expect(shown(text)).toBe(layout));

  test("a space after white space is a double space", () => {
    expect(shown(" the", "end ")).toBe("·|the|");
    expect(shown(" the", "end")).toBe(" |the|");
    expect(shown(" the", "\n")).toBe(" |the|");
  });
});

describe("what can't be seen is named", () => {
  test.each([
    ["\u200b", "|[U+200B]|"],
    ["\u202eabc", "|[U+202E]abc|"],
    ["\u0000", "|[U+0000]|"],
    ["\ufffd", "|[U+FFFD]|"],
    ["a\u2028b", "|a[U+2028]b|"],
    ["\u200d", "|[U+200D]|"],
    ["\ufe0f", "|[U+FE0F]|"],
  ])("%j is laid out as %s", (text, layout) => expect(shown(text)).toBe(layout));

  test("joined emoji and combining marks stay whole", () => {
    expect(shown(" 👩‍🚀")).toBe(" |👩‍🚀|");
    expect(shown("e\u0301")).toBe("|e\u0301|");
  });
});

test("markup is text", () => {
  expect(layoutToken("<b>&amp;").inside).toEqual([{ kind: "text", text: "<b>&amp;" }]);
});

test("nothing of a token is lost", () => {
  for (const text of [" Denmark", "\n\n", "a\tb", "  x  y ", "\nThe\n", "日本 語", "x\n\n y"]) {
    const { before, inside, after } = layoutToken(text);
    expect([...before, ...inside].map((segment) => segment.text).join("") + after).toBe(text);
  }
});

test("an empty text has an empty layout", () => {
  expect(layoutToken("")).toEqual({ before: [], inside: [], after: "" });
});

test("slim glyphs are known", () => {
  expect([" .", ",", "i"].every(isSlim)).toBe(true);
  expect(["1", "W", "..", ""].some(isSlim)).toBe(false);
});
