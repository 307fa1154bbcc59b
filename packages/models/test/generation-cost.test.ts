import { grad, gradcheck, random, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { CostScheduler } from "../src/networks/cost-scheduler.ts";
import { expectedCost, realizedCost } from "../src/networks/generation-cost.ts";
import { convexMethod, differentiations } from "../src/networks/layer-method.ts";

describe("the cost of a generation", () => {
  it("is 50 for a GW too little, 0.5 for one too much, and half the square beside", () => {
    const D = tensor([1, 1, 1]);
    expect(realizedCost(tensor([0, 1, 3]), D).toArray()).toEqual([50.5, 0, 3]);
    expect(realizedCost(tensor([0, 1, 3]), D, { under: 2, over: 7 }).toArray()).toEqual([2.5, 0, 16]);
  });

  it("is expected to be what it is on average over many demands", () => {
    const count = 400_000;
    const D = random(3).normal([count, 1]).mul(0.3).add(1.5);
    const P = tensor([1.2, 1.5, 1.9]);
    const average = realizedCost(P, D).mean(0).data();
    const expected = expectedCost(P, tensor(1.5), tensor(0.3)).data();
    average.forEach((value, k) => {
      // the deviation of one cost is 20 at most: of their mean, 0.03
      expect(Math.abs(value - expected[k])).toBeLessThan(0.1);
    });
  });

  it("is expected to have derivatives of both orders in all it depends on", () => {
    const cost = (P: Tensor, mean: Tensor, deviation: Tensor) => expectedCost(P, mean, deviation);
    const inputs = [tensor([0.8, 1.5, 1.9]), tensor([1, 1.4, 2]), tensor([0.3, 0.2, 0.5])];
    expect(() => gradcheck(cost, inputs, { order: 2 })).not.toThrow();
  });
});

describe("CostScheduler", () => {
  const forecast = {
    mean: random(5).uniform([2, 6], { low: 1.5, high: 2.5 }),
    deviation: random(6).uniform([2, 6], { low: 0.05, high: 0.2 }),
  };
  const scheduler = (ramp: number) =>
    new CostScheduler(random(1), { future: 6, ramp, ...convexMethod("implicit", { tolerance: 1e-10 }) });

  it("generates where the next GW costs as much as it saves, when no ramp holds it back", () => {
    const P = scheduler(10).schedule(forecast);
    const leaf = tensor(P.data(), { shape: P.shape, requiresGrad: true });
    const [marginal] = grad(expectedCost(leaf, forecast.mean, forecast.deviation).sum(), [leaf]);
    for (const value of marginal.data()) expect(Math.abs(value)).toBeLessThan(1e-6);
    P.data().forEach((value, k) => {
      expect(value).toBeGreaterThan(forecast.mean.data()[k]);
    });
  });

  it("never changes the generation by more than the ramp in an hour", () => {
    const P = scheduler(0.1).schedule(forecast).data();
    for (let k = 1; k < P.length; k++) if (k % 6 > 0) expect(Math.abs(P[k] - P[k - 1])).toBeLessThan(0.1 + 1e-8);
  });

  it("differentiates its schedule as central differences do", () => {
    const weights = random(7).normal([2, 6]);
    const value = (mean: Tensor, deviation: Tensor) => scheduler(0.1).schedule({ mean, deviation }).mul(weights).sum();
    expect(() => gradcheck(value, [forecast.mean, forecast.deviation], { tolerance: 1e-5 })).not.toThrow();
  });

  it("has the same gradient by every rule", () => {
    const weights = random(7).normal([2, 6]);
    const gradients = differentiations.map((rule) => {
      const network = new CostScheduler(random(1), {
        future: 6,
        ramp: 0.1,
        ...convexMethod(rule, { tolerance: 1e-10 }),
      });
      const mean = tensor(forecast.mean.data(), { shape: [2, 6], requiresGrad: true });
      return grad(
        network
          .schedule({ ...forecast, mean })
          .mul(weights)
          .sum(),
        [mean],
      )[0].data();
    });
    for (const other of gradients.slice(1)) {
      other.forEach((entry, k) => {
        expect(entry).toBeCloseTo(gradients[0][k], 5);
      });
    }
  });

  it("scales its forecast from [0, 1] to the loads of the data", () => {
    const past = random(2).uniform([3, 72]);
    const scaled = new CostScheduler(random(1)).forecast(past);
    const { mean, deviation } = new CostScheduler(random(1), { low: 1, high: 4 }).forecast(past);
    expect(mean.sub(scaled.mean.mul(3).add(1)).abs().sum().item()).toBeLessThan(1e-9);
    expect(deviation.sub(scaled.deviation.mul(3)).abs().sum().item()).toBeLessThan(1e-9);
  });
});
