import { expect, test } from "vitest";
import { placeBeside } from "../../../src/ui/float-beside";
import { keyAction } from "../../../src/ui/heatmap/navigation";
import { shorten, TextFitter } from "../../../src/ui/heatmap/text";

const SIZE = { rows: 6, columns: 20 };
const key = (name: string, changes = {}) =>
  keyAction(
    { key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...changes },
    { row: 2, column: 5 },
    SIZE,
  );

test.each([
  ["ArrowLeft", 2, 4],
  ["ArrowRight", 2, 6],
  ["ArrowUp", 1, 5],
  ["ArrowDown", 3, 5],
  ["Home", 2, 0],
  ["End", 2, 19],
  ["PageUp", 2, 0],
  ["PageDown", 2, 15],
])("%s goes to %d, %d", (name, row, column) => expect(key(name)).toEqual({ kind: "go", to: { row, column } }));

test("the edges hold", () => {
  const none = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };
  expect(keyAction({ key: "ArrowUp", ...none }, { row: 0, column: 0 }, SIZE)).toEqual({
    kind: "go",
    to: { row: 0, column: 0 },
  });
  expect(keyAction({ key: "ArrowRight", ...none }, { row: 5, column: 19 }, SIZE)).toEqual({
    kind: "go",
    to: { row: 5, column: 19 },
  });
});

test("Enter opens, Escape leaves, the rest is the host's", () => {
  expect(key("Enter")).toEqual({ kind: "open" });
  expect(key(" ")).toEqual({ kind: "open" });
  expect(key("Escape")).toEqual({ kind: "leave" });
  expect(key("a")).toBeNull();
  expect(key("Enter", { shiftKey: true })).toBeNull();
  expect(key("ArrowLeft", { ctrlKey: true })).toBeNull();
});

test("labels are cut where they end to fit, between characters", () => {
  expect(shorten("Denmark", (text) => text.length <= 5)).toBe("Denm…");
  expect(shorten("👩‍🚀👩‍🚀", (text) => [...text].length <= 4)).toBe("👩‍🚀…");
  expect(shorten("Denmark", () => false)).toBe("…");
});

test("without a canvas, widths are guessed", () => {
  const fitter = new TextFitter(null);
  expect(fitter.fit("Denmark", "11px sans-serif", 42)).toBe("Denmark");
  expect(fitter.fit("Denmark", "11px sans-serif", 30)).toBe("Denm…");
  expect(fitter.widest(["a", "abc"], "11px sans-serif")).toBe(18);
});

test("a box goes beside its cell: right, else left, else nowhere", () => {
  const room = { width: 800, height: 600 };
  const size = { width: 230, height: 180 };
  const anchor = (left: number, top = 200) => ({ left, top, right: left + 30, bottom: top + 20 });
  expect(placeBeside(anchor(100), size, room)).toEqual({ left: 140, top: 190 });
  expect(placeBeside(anchor(700), size, room)).toEqual({ left: 460, top: 190 });
  expect(placeBeside(anchor(100, 500), size, room)).toEqual({ left: 140, top: 416 });
  expect(placeBeside(anchor(150), size, { width: 320, height: 600 })).toBeNull();
});
