import { activeKernels, type FloatArray } from "@solvegrad/linalg";
import type { Tensor } from "../tensor.ts";
import { checkRange, Optimizer } from "./optimizer.ts";

export interface AdamOptions {
  readonly learningRate?: number;
  /** Decay of the first and the second moment. */
  readonly betas?: readonly [number, number];
  readonly epsilon?: number;
}

/**
 * Adam (Kingma and Ba, Adam: a method for stochastic optimization, 2015, Algorithm 1):
 *
 *     m <- beta1 m + (1 - beta1) g,      mhat = m / (1 - beta1^t),
 *     v <- beta2 v + (1 - beta2) g^2,    vhat = v / (1 - beta2^t),
 *     theta <- theta - learningRate mhat / (sqrt(vhat) + epsilon).
 *
 * The powers beta^t are carried along as products: exactly rounded, so they are the same on every machine.
 */
export class Adam extends Optimizer {
  learningRate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;

  constructor(
    parameters: ReadonlyMap<string, Tensor>,
    { learningRate = 1e-3, betas = [0.9, 0.999], epsilon = 1e-8 }: AdamOptions = {},
  ) {
    checkRange("Adam", "learningRate", learningRate, 0);
    checkRange("Adam", "betas[0]", betas[0], 0, 1);
    checkRange("Adam", "betas[1]", betas[1], 0, 1);
    checkRange("Adam", "epsilon", epsilon, 0);
    super(parameters, ["m", "v"], { t: 0, beta1Power: 1, beta2Power: 1 });
    this.learningRate = learningRate;
    this.betas = betas;
    this.epsilon = epsilon;
  }

  protected override advance(): void {
    const { t, beta1Power, beta2Power } = this.numbers;
    this.numbers = { t: t + 1, beta1Power: beta1Power * this.betas[0], beta2Power: beta2Power * this.betas[1] };
  }

  /** The bias corrections are folded into the rate and epsilon, so that the kernel's loop has a root and a quotient less. */
  protected override update(theta: FloatArray, g: FloatArray, [m, v]: readonly FloatArray[]): void {
    const [beta1, beta2] = this.betas;
    const secondScale = Math.sqrt(1 - this.numbers.beta2Power);
    const rate = (this.learningRate * secondScale) / (1 - this.numbers.beta1Power);
    activeKernels().adam(theta, g, m, v, { beta1, beta2, rate, epsilon: this.epsilon * secondScale });
  }
}
