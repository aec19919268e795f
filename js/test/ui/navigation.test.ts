import { describe, expect, test } from "vitest";
import { firstIndex } from "../../src/ui/strip/geometry";
import { keyAction, lineStep, step } from "../../src/ui/strip/navigation";

const key = (name: string, modifiers = {}) =>
  keyAction({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...modifiers });

describe("keys", () => {
  test.each([
    ["ArrowLeft", { kind: "step", by: -1, inspect: false }],
    ["ArrowRight", { kind: "step", by: 1, inspect: false }],
    ["ArrowUp", { kind: "line", by: -1 }],
    ["ArrowDown", { kind: "line", by: 1 }],
    ["Home", { kind: "edge", to: "first" }],
    ["End", { kind: "edge", to: "last" }],
    ["Enter", { kind: "pin" }],
    [" ", { kind: "pin" }],
    ["Escape", { kind: "free" }],
  ])("%j means %j", (name, action) => expect(key(name)).toEqual(action));

  test("Shift looks without choosing", () => {
    expect(key("ArrowRight", { shiftKey: true })).toEqual({ kind: "step", by: 1, inspect: true });
  });

  test("the host keeps its shortcuts", () => {
    expect(key("Enter", { shiftKey: true })).toBeNull();
    expect(key("Enter", { ctrlKey: true })).toBeNull();
    expect(key("s", { metaKey: true })).toBeNull();
    expect(key("ArrowLeft", { altKey: true })).toBeNull();
    expect(key("Tab")).toBeNull();
  });
});

describe("steps", () => {
  const odd = (i: number) => i % 2 === 1;

  test("go to the next token that can be chosen", () => {
    expect(step(1, 1, 9, odd)).toBe(3);
    expect(step(5, -1, 9, odd)).toBe(3);
  });

  test("stay where there is none", () => {
    expect(step(7, 1, 8, odd)).toBe(7);
    expect(step(1, -1, 8, odd)).toBe(1);
  });

  test("find the ends", () => {
    expect(step(-1, 1, 9, odd)).toBe(1);
    expect(step(9, -1, 9, odd)).toBe(7);
  });
});

describe("lines", () => {
  // 0 1 2 / 3 4 / 5 6 7, each 40 wide
  const lines = [
    [0, 0],
    [40, 0],
    [80, 0],
    [0, 30],
    [40, 30],
    [0, 60],
    [40, 60],
    [80, 60],
  ] as const;
  const box = (i: number) => {
    const at = lines[i];
    return at ? { x: at[0], y: at[1], width: 40, height: 20 } : null;
  };
  const any = () => true;

  test("the closest token below and above", () => {
    expect(lineStep(1, 1, 8, box, any)).toBe(4);
    expect(lineStep(2, 1, 8, box, any)).toBe(4);
    expect(lineStep(7, -1, 8, box, any)).toBe(4);
  });

  test("the first and last line end it", () => {
    expect(lineStep(1, -1, 8, box, any)).toBe(1);
    expect(lineStep(6, 1, 8, box, any)).toBe(6);
  });

  test("lines without a token that can be chosen are passed over", () => {
    expect(lineStep(1, 1, 8, box, (i) => i < 3 || i > 4)).toBe(6);
  });
});

test("firstIndex finds where a condition begins to hold", () => {
  for (const n of [0, 1, 5, 16]) for (let k = 0; k <= n; k++) expect(firstIndex(n, (i) => i >= k)).toBe(k);
});
