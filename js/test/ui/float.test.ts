import { expect, test } from "vitest";
import { place } from "../../src/ui/float";

const room = { width: 1000, height: 600 };
const size = { width: 200, height: 100 };

test("goes to the wanted side where it fits", () => {
  const anchor = { left: 300, right: 340, top: 200, bottom: 220 };
  expect(place(anchor, size, room, "above", "start")).toEqual({ left: 300, top: 94, side: "above" });
  expect(place(anchor, size, room, "below", "center")).toEqual({ left: 220, top: 226, side: "below" });
});

test("goes to the other side where it does not", () => {
  expect(place({ left: 10, right: 50, top: 50, bottom: 70 }, size, room, "above", "start").side).toBe("below");
  expect(place({ left: 10, right: 50, top: 550, bottom: 570 }, size, room, "below", "start").side).toBe("above");
});

test("stays inside the window", () => {
  const anchor = { left: 950, right: 990, top: 300, bottom: 320 };
  expect(place(anchor, size, room, "above", "start").left).toBe(796);
  expect(place({ ...anchor, left: -50, right: -10 }, size, room, "above", "center").left).toBe(4);
});
