import { add, exp, Linear, Module, mul, type Random, ReLU, Sequential, type Tensor, tensor } from "@solvegrad/autograd";
import {
  type ConvexProgram,
  type ConvexProgramData,
  type ConvexRule,
  convexLayer,
  type Solution,
  type Solver,
} from "@solvegrad/optlayers";
import { expectedCost, type GenerationCosts, publishedCosts } from "./generation-cost.ts";
import { rampBounds, rampRows } from "./ramp-rows.ts";

/** A forecast of every hour as a normal variable: mean and deviation, (B, hours) each, in GW. */
export interface NormalForecast {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

export interface CostSchedulerOptions {
  readonly solver?: Solver<ConvexProgram>;
  readonly differentiation?: ConvexRule;
  readonly onFailure?: "raise" | "mask";
  /** How much the generation may change from one hour to the next, in GW. Default 0.4, as published. */
  readonly ramp?: number;
  readonly costs?: GenerationCosts;
  /** The loads, in GW, that the inputs' 0 and 1 stand for. Default 0 and 1. */
  readonly low?: number;
  readonly high?: number;
  /** Hours known. Default 72. */
  readonly past?: number;
  /** Hours to be scheduled. Default 24. */
  readonly future?: number;
  /** Whether each hour of the day has one deviation, learned, and not one that depends on the past hours. Default false. */
  readonly constantDeviation?: boolean;
}

/**
 * Cost-weighted scheduling (Donti, Amos and Kolter 2017, section 4.2): a network with two hidden layers of 200 forecasts the
 * demand of each of the next 24 hours as normal, and the generation minimizes the expected cost as the ramp allows,
 *
 *     minimize E sum_k under max(D_k - P_k, 0) + over max(P_k - D_k, 0) + 1/2 (P_k - D_k)^2,    D_k ~ N(mu_k, sigma_k^2)
 *     subject to  |P_{k+1} - P_k| <= ramp.
 */
export class CostScheduler extends Module {
  readonly hidden: Sequential;
  readonly mean: Linear;
  /** log sigma, of the load scaled to [0, 1]. */
  readonly logDeviation: Linear | Tensor;
  readonly costs: GenerationCosts;
  lastSolution: Solution | null = null;
  readonly #options: CostSchedulerOptions;
  readonly #low: number;
  readonly #range: number;
  readonly #G: Tensor;
  readonly #h: Tensor;

  constructor(random: Random, options: CostSchedulerOptions = {}) {
    super();
    const { past = 72, future = 24, ramp = 0.4, low = 0, high = 1, costs = publishedCosts } = options;
    const own = { random, dtype: "float64" } as const;
    this.#options = options;
    this.#low = low;
    this.#range = high - low;
    this.costs = costs;
    this.hidden = new Sequential(new Linear(past, 200, own), new ReLU(), new Linear(200, 200, own), new ReLU());
    this.mean = new Linear(200, future, own);
    this.logDeviation = options.constantDeviation ? startingDeviations(future) : new Linear(200, future, own);
    if (this.logDeviation instanceof Linear) this.logDeviation.bias?.data().fill(startingLogDeviation);
    this.#G = rampRows(future);
    this.#h = rampBounds(future, ramp);
  }

  /** What the next hours are expected to need after past hours (B x past, scaled). */
  forecast(past: Tensor): NormalForecast {
    const hidden = this.hidden.forward(past);
    const mean = this.inGigawatts(this.mean.forward(hidden));
    const { logDeviation } = this;
    const scaled = logDeviation instanceof Linear ? logDeviation.forward(hidden) : logDeviation;
    return { mean, deviation: mul(exp(scaled.broadcastTo(mean.shape)), this.#range) };
  }

  /** The data of the layer's convex program for a forecast. */
  layerData({ mean, deviation }: NormalForecast): ConvexProgramData {
    const { costs } = this;
    return {
      objective: (P, mu, sigma) => expectedCost(P, mu, sigma, costs).sum(-1),
      theta: [mean, deviation],
      G: this.#G,
      h: this.#h,
      start: mean.detach(),
    };
  }

  /** The generation (B x future, GW) for a forecast. */
  schedule(forecast: NormalForecast): Tensor {
    const { x, solution } = convexLayer(this.layerData(forecast), this.#options);
    this.lastSolution = solution;
    return x;
  }

  /** The generation (B x future, GW) after past hours (B x past, scaled). */
  override forward(past: Tensor): Tensor {
    return this.schedule(this.forecast(past));
  }

  /** A load as the data set scales it, in GW. */
  inGigawatts(scaled: Tensor): Tensor {
    return add(mul(scaled, this.#range), this.#low);
  }
}

/** Where the deviations begin: a tenth of the load's range. */
const startingLogDeviation = Math.log(0.1);

function startingDeviations(hours: number): Tensor {
  return tensor(new Float64Array(hours).fill(startingLogDeviation), { requiresGrad: true });
}
