import type { FloatArray } from "@solvegrad/linalg";
import type { Tensor } from "../tensor.ts";
import { checkRange, Optimizer } from "./optimizer.ts";

export interface SGDOptions {
  readonly learningRate?: number;
  readonly momentum?: number;
}

/** Stochastic gradient descent with momentum:  v <- momentum v + g,  theta <- theta - learningRate v. */
export class SGD extends Optimizer {
  learningRate: number;
  readonly momentum: number;

  constructor(parameters: ReadonlyMap<string, Tensor>, { learningRate = 1e-2, momentum = 0 }: SGDOptions = {}) {
    checkRange("SGD", "learningRate", learningRate, 0);
    checkRange("SGD", "momentum", momentum, 0, 1);
    super(parameters, momentum > 0 ? ["velocity"] : [], {});
    this.learningRate = learningRate;
    this.momentum = momentum;
  }

  protected override update(theta: FloatArray, g: FloatArray, [v]: readonly FloatArray[]): void {
    const { learningRate, momentum } = this;
    if (!v) {
      for (let i = 0; i < theta.length; i++) theta[i] -= learningRate * g[i];
      return;
    }
    for (let i = 0; i < theta.length; i++) {
      v[i] = momentum * v[i] + g[i];
      theta[i] -= learningRate * v[i];
    }
  }
}
