import { eye, Linear, Module, mul, neg, type Random, ReLU, Sequential, type Tensor } from "@solvegrad/autograd";
import {
  type DifferentiationRule,
  type QuadraticProgramData,
  quadraticLayer,
  type Solution,
  type Solver,
} from "@solvegrad/optlayers";
import { rampBounds, rampRows } from "./ramp-rows.ts";

export interface EnergySchedulerOptions {
  readonly solver: Solver;
  readonly differentiation: DifferentiationRule;
  readonly onFailure?: "raise" | "mask";
  /** How much the generation may change from one hour to the next, in units of the scaled load. */
  readonly ramp: number;
  /** Hours known. Default 72. */
  readonly past?: number;
  /** Hours to be scheduled. Default 24. */
  readonly future?: number;
}

/**
 * Predict, then optimize (Alt-Diff, section 5.2): the demand of the next 24 hours from that of the past 72, by a network with
 * two hidden layers of 200, and the generation that follows it as the ramp allows,
 *
 *     minimize sum_k (P_k - demand_k)^2   subject to  |P_{k+1} - P_k| <= ramp.
 */
export class EnergyScheduler extends Module {
  readonly forecaster: Sequential;
  lastSolution: Solution | null = null;
  readonly #options: EnergySchedulerOptions;
  readonly #Q: Tensor;
  readonly #G: Tensor;
  readonly #h: Tensor;

  constructor(random: Random, options: EnergySchedulerOptions) {
    super();
    this.#options = options;
    const { past = 72, future = 24, ramp } = options;
    const dtype = "float64" as const;
    this.forecaster = new Sequential(
      new Linear(past, 200, { random, dtype }),
      new ReLU(),
      new Linear(200, 200, { random, dtype }),
      new ReLU(),
      new Linear(200, future, { random, dtype }),
    );
    this.#Q = mul(eye(future), 2);
    this.#G = rampRows(future);
    this.#h = rampBounds(future, ramp);
  }

  /** The demand (B x future) that is expected after past hours (B x past). */
  forecast(past: Tensor): Tensor {
    return this.forecaster.forward(past);
  }

  /** The data of the layer's QP for a demand (B x future). */
  layerData(demand: Tensor): QuadraticProgramData {
    return { Q: this.#Q, q: mul(neg(demand), 2), G: this.#G, h: this.#h };
  }

  /** The generation (B x future) for a demand (B x future). */
  schedule(demand: Tensor): Tensor {
    const { x, solution } = quadraticLayer(this.layerData(demand), this.#options);
    this.lastSolution = solution;
    return x;
  }

  /** The generation (B x future) after past hours (B x past). */
  override forward(past: Tensor): Tensor {
    return this.schedule(this.forecast(past));
  }
}
