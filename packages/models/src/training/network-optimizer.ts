import { Adam, type Module, mul, noGrad, type OptimizerState, type Tensor } from "@solvegrad/autograd";
import type { ResumableStepper } from "./task.ts";

export interface NetworkOptimizerOptions {
  /** Of the weights. Default 1e-3 (Alt-Diff, section F.2). */
  readonly learningRate?: number;
  /** Of the optimization layer's own data, where they are learned. Default 1e-3. */
  readonly layerLearningRate?: number;
  /** Gradients whose Euclidean norm over all parameters is larger are scaled down to it. Unlimited by default. */
  readonly maxGradientNorm?: number;
  /** How the names of the optimization layer's parameters begin. Default "quadratic.". */
  readonly layerPrefix?: string;
}

/** Adam for the weights, and a second Adam with its own rate for what the optimization layer learns. */
export class NetworkOptimizer implements ResumableStepper {
  readonly #parts: ReadonlyMap<string, Adam>;
  readonly #rates: Readonly<Record<string, number>>;
  readonly #parameters: readonly Tensor[];
  readonly #maxGradientNorm: number;

  constructor(network: Module, options: NetworkOptimizerOptions = {}) {
    const { learningRate = 1e-3, layerLearningRate = 1e-3, layerPrefix = "quadratic." } = options;
    const parameters = [...network.parameters()];
    this.#parameters = parameters.map(([, parameter]) => parameter);
    this.#maxGradientNorm = options.maxGradientNorm ?? Number.POSITIVE_INFINITY;
    const inLayer = ([name]: [string, Tensor]) => name.startsWith(layerPrefix);
    const weights = new Map(parameters.filter((parameter) => !inLayer(parameter)));
    const layer = new Map(parameters.filter(inLayer));
    this.#rates = { weights: learningRate, layer: layerLearningRate };
    this.#parts = new Map([
      ["weights", new Adam(weights, { learningRate })],
      ["layer", new Adam(layer, { learningRate: layerLearningRate })],
    ]);
  }

  step(rateFactor = 1): void {
    if (this.#maxGradientNorm < Number.POSITIVE_INFINITY) clipGradients(this.#parameters, this.#maxGradientNorm);
    for (const [name, adam] of this.#parts) {
      adam.learningRate = rateFactor * this.#rates[name];
      adam.step();
    }
  }

  zeroGrad(): void {
    for (const adam of this.#parts.values()) adam.zeroGrad();
  }

  state(): Record<string, OptimizerState> {
    return Object.fromEntries([...this.#parts].map(([name, adam]) => [name, adam.state()]));
  }

  /** Takes over a state of an optimizer for the same network. Throws an ArgumentRangeError when it does not fit. */
  load(state: Record<string, OptimizerState>): void {
    for (const [name, adam] of this.#parts) adam.load(state[name] ?? { numbers: {}, arrays: {} });
  }
}

/** Scales all gradients by one factor so that their norm is at most `limit`, and returns the norm that they had. */
export function clipGradients(parameters: readonly Tensor[], limit: number): number {
  let squares = 0;
  for (const { grad } of parameters) {
    const values = grad?.data() ?? [];
    for (let k = 0; k < values.length; k++) squares += values[k] * values[k];
  }
  const norm = Math.sqrt(squares);
  if (norm <= limit) return norm;
  for (const parameter of parameters) {
    const { grad } = parameter;
    if (grad) parameter.grad = noGrad(() => mul(grad, limit / norm));
  }
  return norm;
}
