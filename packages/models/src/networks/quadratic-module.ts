import { Module, type Tensor } from "@solvegrad/autograd";
import {
  type DifferentiationRule,
  type QuadraticProgramData,
  quadraticLayer,
  type Solution,
  type Solver,
} from "@solvegrad/optlayers";

/** How an optimization layer of a network is solved and differentiated. */
export interface QuadraticModuleOptions {
  readonly solver: Solver;
  readonly differentiation: DifferentiationRule;
  /** What to do with an item that cannot be solved: raise (the default), or give it zeros and a zero gradient. */
  readonly onFailure?: "raise" | "mask";
}

/**
 * A layer of a network whose output is the minimizer of a quadratic program that its input is part of. Output and gradients have the
 * dtype of the input; the problem is stated, solved and differentiated in float64.
 */
export abstract class QuadraticModule extends Module {
  /** What the solver said about the last batch that went through. */
  lastSolution: Solution | null = null;
  readonly #options: QuadraticModuleOptions;

  constructor(options: QuadraticModuleOptions) {
    super();
    this.#options = options;
  }

  /** The data of the program for a batch of inputs (B x inputs), in float64. */
  abstract layerData(input: Tensor): QuadraticProgramData;

  /** The minimizers (B x n) for the inputs. Throws an OptimizationError for an item that fails, unless failures are masked. */
  override forward(input: Tensor): Tensor {
    const { x, solution } = quadraticLayer(this.layerData(input), this.#options);
    this.lastSolution = solution;
    return x.to(input.dtype);
  }
}
