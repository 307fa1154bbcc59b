import { describe, expect, it } from "vitest";
import { EarlyStopping } from "../src/training/early-stopping.ts";
import { metricsTable } from "../src/training/metrics-table.ts";
import { constantRate, cooldown, cosine, stepwise } from "../src/training/schedule.ts";
import type { Headline } from "../src/training/task.ts";
import type { EvaluationEvent } from "../src/training/train.ts";

const over = (schedule: (step: number, steps: number) => number, steps: number) =>
  Array.from({ length: steps }, (_, i) => schedule(i + 1, steps));

describe("schedules of the learning rate", () => {
  it("are constant, or fall to one step above zero over the cooldown", () => {
    expect(over(constantRate, 3)).toEqual([1, 1, 1]);
    expect(over(cooldown(0.5), 6)).toEqual([1, 1, 1, 0.75, 0.5, 0.25]);
    expect(over(cooldown(0), 3)).toEqual([1, 1, 1]);
  });

  it("rise over the warm-up and go down along half a cosine", () => {
    const factors = over(cosine({ warmUp: 0.2, floor: 0.1 }), 10);
    expect(factors.slice(0, 2)).toEqual([0.5, 1]);
    expect(factors[5]).toBeCloseTo(0.55, 12);
    expect(factors[9]).toBeCloseTo(0.1, 12);
    expect(factors.slice(1).every((factor, i, rest) => i === 0 || factor < rest[i - 1])).toBe(true);
  });

  it("are multiplied by the factor after each share of the run", () => {
    expect(over(stepwise(0.1, [0.5, 0.8]), 10).map((factor) => Math.round(1e6 * factor) / 1e6)).toEqual([
      1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01,
    ]);
  });

  it("refuse a share that is none", () => {
    expect(() => cooldown(1.5)).toThrow("cooldown is 1.5, expected a number from 0 to 1");
    expect(() => cosine({ warmUp: Number.NaN })).toThrow("warmUp is NaN");
  });
});

const evaluation = (step: number, accuracy: number): EvaluationEvent => ({
  ...{ kind: "evaluation", epoch: step, step, loss: 1 - accuracy, measures: { accuracy }, count: 10, milliseconds: 1 },
});
const accuracy: Headline = { measure: "accuracy", words: "test accuracy", better: "higher", share: true };

describe("EarlyStopping", () => {
  it("stops after as many evaluations without a new best as its patience", () => {
    const stopping = new EarlyStopping(accuracy, 2);
    const values = [0.5, 0.6, 0.6, 0.7, 0.6, 0.65];
    expect(values.map((value, i) => stopping.see(evaluation(i, value)))).toEqual([...new Array(5).fill(false), true]);
  });

  it("counts what a resumed run has seen, takes less for better where it is, and never NaN", () => {
    const loss: Headline = { ...accuracy, measure: "loss", better: "lower", share: false };
    const stopping = new EarlyStopping(loss, 2, [evaluation(1, 0.5), evaluation(2, 0.4)]);
    expect(stopping.see(evaluation(3, Number.NaN))).toBe(true);
  });
});

describe("metricsTable", () => {
  it("has a line for every event and an empty cell for what an event has not", () => {
    const layer = { iterations: 7, statuses: { solved: 2 }, masked: [1] };
    const step = {
      kind: "step",
      epoch: 1,
      step: 1,
      loss: 2.5,
      measures: { accuracy: 0.5 },
      milliseconds: 3,
      layer,
    } as const;
    expect(metricsTable([step, evaluation(1, 0.75)]).split("\n")).toEqual([
      "kind,epoch,step,loss,accuracy,milliseconds,iterations,masked",
      "step,1,1,2.5,0.5,3,7,1",
      "evaluation,1,1,0.25,0.75,1,,",
      "",
    ]);
  });
});
