import { describe, expect, test } from "vitest";
import { sequenceDifference } from "../../../src/charts/sequence-diff";
import { type Ablation, readAblation } from "../../../src/views/interventions/ablation";
import {
  effectOf,
  effectSentence,
  formatNats,
  pointEffects,
  pointSentence,
} from "../../../src/views/interventions/effect";
import { plotGeometry, pointAt } from "../../../src/views/interventions/plot-geometry";

function ablation(log_p: ReadonlyArray<readonly [number, number, number | null, number | null]>): Ablation {
  return readAblation({
    spec: "trace-1|nmf|2|all|0|0",
    id: 0,
    n_neurons: 912,
    n_random: 10,
    random_overlap: 0,
    before: { texts: [], ids: [] },
    log_p: log_p.map(([before, after, random_mean, random_spread], i) => ({
      position: 4 + i,
      before,
      after,
      random_mean,
      random_spread,
    })),
  });
}

describe("the effect", () => {
  const verdict = (...args: Parameters<typeof ablation>) => effectOf(pointEffects(ablation(...args))).verdict;

  test("is more than random where it lies beyond two spreads", () => {
    expect(verdict([[-0.1, -4, -0.3, 0.2]])).toBe("more");
    expect(verdict([[-0.1, -0.5, -0.3, 0.2]])).toBe("same");
    expect(verdict([[-0.1, -0.2, -4, 0.5]])).toBe("less");
  });

  test("is not judged without random neurons", () => {
    expect(verdict([[-0.1, -4, null, null]])).toBe("unknown");
    expect(verdict([])).toBe("unknown");
  });

  test("is told in a plain sentence", () => {
    const found = ablation([
      [-0.1, -4.1, -0.2, 0.1],
      [-0.1, -2.1, -0.4, 0.3],
    ]);
    expect(effectSentence(effectOf(pointEffects(found)), 912, 10, 0.25)).toContain(
      "25% of the random ones are the same",
    );
    expect(effectSentence(effectOf(pointEffects(found)), 912, 10, Number.NaN)).not.toContain("the same neurons");
    expect(effectSentence(effectOf(pointEffects(found)), 912, 10)).toBe(
      "The log-probability of the tokens changes by −3 nats on average, with as many random neurons by −0.2 ± 0.2 " +
        "(10 draws). That is more than random neurons do.",
    );
  });

  test("at one output is told in probabilities, random ones as a range inside 0 to 1", () => {
    const found = ablation([[Math.log(0.71), Math.log(0.09), Math.log(0.7), 0.03]]);
    expect(pointSentence(" 4", found, 0)).toBe('p(" 4") 71% → 9.0% · random neurons 70% (68%–72%)');
    const wide = ablation([[0, -1, -0.1, 3]]);
    expect(pointSentence(" 4", wide, 0)).toContain("–100%)");
    expect(pointSentence(" 4", wide, 5)).toBe("");
  });
});

describe("the plot", () => {
  test("has room for all dots and intervals, in order", () => {
    const points = pointEffects(
      ablation([
        [-0.1, -9, -1, 2],
        [-0.1, 0.3, -0.1, 0.1],
      ]),
    );
    const { box, x, y, pitch } = plotGeometry(points, 400);
    expect(x(1) - x(0)).toBeCloseTo(pitch);
    for (const change of [-8.9, 0.4, -2.9, 1.1]) {
      expect(y(change)).toBeGreaterThanOrEqual(box.top);
      expect(y(change)).toBeLessThanOrEqual(box.height - box.bottom);
    }
    expect(y(0)).toBeLessThan(y(-1));
  });

  test("finds the output under the pointer", () => {
    const geometry = plotGeometry(
      pointEffects(
        ablation([
          [0, -1, 0, 0],
          [0, -1, 0, 0],
        ]),
      ),
      400,
    );
    expect(pointAt(geometry, 2, geometry.x(1))).toBe(1);
    expect(pointAt(geometry, 2, 2)).toBeNull();
    expect(pointAt(geometry, 2, 390)).toBeNull();
  });

  test("of no change at all still has a scale", () => {
    const { y } = plotGeometry(pointEffects(ablation([[0, 0, 0, 0]])), 400);
    expect(Number.isFinite(y(0))).toBe(true);
  });
});

describe("what differs between two texts", () => {
  test("is what the other lacks, wherever it stands", () => {
    const { gone, come } = sequenceDifference([1, 2, 3, 4, 5], [1, 3, 9, 4, 5]);
    expect([...gone]).toEqual([1]);
    expect([...come]).toEqual([2]);
  });

  test("of equal texts is nothing, of an absent one everything", () => {
    expect(sequenceDifference([1, 2], [1, 2])).toEqual({ gone: new Set(), come: new Set() });
    expect([...sequenceDifference([1, 2], []).gone]).toEqual([0, 1]);
  });

  test("of very long ones is found place by place", () => {
    const long = Array.from({ length: 3000 }, (_, i) => i);
    const { gone, come } = sequenceDifference([-1, ...long.slice(1)], [-2, ...long.slice(1)]);
    expect([...gone]).toEqual([0]);
    expect([...come]).toEqual([0]);
  });
});

test("nats are told no finer than a thousandth", () => {
  expect([-3.2149, 0.25, -0.0412, -0.00007, 0].map(formatNats)).toEqual(["−3.21", "0.25", "−0.041", "0.000", "0.000"]);
});

test("what is next to nothing is no more than random, however little random neurons do", () => {
  expect(effectOf(pointEffects(ablation([[-0.1, -0.1002, -0.1, 0]]))).verdict).toBe("same");
});
