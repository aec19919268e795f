import { describe, expect, test } from "vitest";
import { TokenSequence } from "../../src/ui/strip/tokens";
import { firstThatFit } from "../../src/views/attribution/controls";
import { explained, strongest, summary, tokenLabel } from "../../src/views/attribution/describe";
import { fromDraft, toDraft } from "../../src/views/attribution/foil-field";
import { readRows } from "../../src/views/attribution/rows";
import { isSigned, rowsKey, specKey } from "../../src/views/attribution/spec";
import { type Situation, statusLine } from "../../src/views/shared/status-line";
import { widthClass } from "../../src/views/shared/width";
import { model, rowsMessage, SPEC, TOKENS } from "./fixtures";

const tokens = new TokenSequence(model().get("_tokens") as never);
const row = readRows(rowsMessage(SPEC, [5], TOKENS), TOKENS).rows[0];
if (!row) throw new Error("fixture without a row");

describe("spec key", () => {
  test.each([
    [{ method: "gradient", target: "logit", foil: " is", aggregation: "l2" }, "gradient|logit||l2"],
    [{ method: "gradient", target: "contrast", foil: " is", aggregation: "sum" }, "gradient|contrast| is|sum"],
    [{ method: "gradient", target: "contrast", foil: null, aggregation: "sum" }, "gradient|contrast||sum"],
  ])("%j is %s", (spec, key) => expect(specKey(spec)).toBe(key));

  test("rows are addressed by run and spec", () => {
    expect(rowsKey("trace-1", "gradient|logit||l2")).toBe("trace-1|gradient|logit||l2");
  });

  test("what is signed is what the kernel says, and sum where it says nothing", () => {
    expect(isSigned("sum", [])).toBe(true);
    expect(isSigned("l2", [])).toBe(false);
    expect(isSigned("mean", [{ name: "mean", signed: true }])).toBe(true);
  });
});

describe("names", () => {
  test("what the shares are shares of", () => {
    const say = (target: string, foil: string | null) =>
      explained(tokens, 5, target, foil)
        .map(({ text }) => text)
        .join("");
    expect(say("logit", null)).toBe('" are"');
    expect(say("contrast", " is")).toBe('" are" instead of " is"');
    expect(say("entropy", null)).toBe('the entropy before " are"');
  });

  test("a summary for who can't see the colours", () => {
    expect(summary(tokens, row)).toBe(
      '" are", token 5, rank 1, probability 50%. Most from "The" 20%, " keys" 20%, " to" 20%.',
    );
  });

  test("a token's label tells its share", () => {
    expect(tokenLabel(tokens, 1, row)).toBe('" keys", token 1, 20% of the attribution of " are"');
    expect(tokenLabel(tokens, 5, row)).toBe('" are", token 5, explained, rank 1, p = 50%');
    expect(tokenLabel(tokens, 7, row)).toBe('".", token 7');
  });

  test("the strongest tokens, by size and not by sign", () => {
    expect(strongest([0.1, -0.5, Number.NaN, 0.3, 0, 0.2], 3)).toEqual([1, 3, 5]);
    expect(strongest([], 3)).toEqual([]);
  });
});

describe("status", () => {
  const actions = { cancel: () => undefined, retry: () => undefined };
  const say = (situation: Partial<Situation>) =>
    statusLine(
      {
        phase: "ready",
        connection: "live",
        outcome: null,
        progress: null,
        since: 0,
        lasting: true,
        short: false,
        ...situation,
      },
      actions,
    );

  test.each<[Partial<Situation>, string]>([
    [{}, "ready"],
    [{ outcome: { source: "computed", elapsedMs: 38.2 } }, "computed in 38 ms"],
    [{ outcome: { source: "computed", elapsedMs: 38.2 }, short: true }, "38 ms"],
    [{ outcome: { source: "cache", elapsedMs: 1 } }, "cached"],
    [{ outcome: { source: "local", elapsedMs: 0 } }, "cached"],
    [{ phase: "computing" }, "computing"],
    [{ phase: "computing", lasting: false }, "ready"],
    [{ phase: "stale" }, "stale"],
    [{ phase: "error" }, "error"],
    [{ phase: "offline", connection: "offline" }, "not live"],
    [{ phase: "offline", connection: "lost" }, "not live: kernel gone"],
    [{ phase: "computing", connection: "waiting" }, "waiting for the kernel"],
  ])("%j reads %s", (situation, text) => expect(say(situation).text).toBe(text));

  test("what takes long can be cancelled, what is stale computed", () => {
    expect(say({ phase: "computing" }).action?.label).toBe("cancel");
    expect(say({ phase: "stale" }).action?.label).toBe("compute");
    expect(say({}).action).toBeUndefined();
  });
});

test("the foil's leading space has a switch of its own", () => {
  for (const foil of [" is", "is", "", " ", "  x"]) expect(fromDraft(toDraft(foil))).toBe(foil);
  expect(toDraft(" is")).toEqual({ space: true, text: "is" });
});

test("as many methods stand side by side as fit", () => {
  const choices = ["Gradient × Input", "Gradient", "Integrated Gradients", "Occlusion"].map((label) => ({
    name: label,
    label,
  }));
  expect(firstThatFit(choices, 3, 60)).toHaveLength(3);
  expect(firstThatFit(choices, 3, 37)).toEqual(["Gradient × Input", "Gradient"]);
  expect(firstThatFit(choices, 3, 5)).toEqual(["Gradient × Input"]);
});

test("width classes", () => {
  expect([360, 640, 960, 1050, 1120].map(widthClass)).toEqual(["narrow", "small", "medium", "wide", "full"]);
});
