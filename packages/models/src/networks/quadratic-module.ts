import { eye, Module, mul, neg, ones, type Random, type Tensor } from "@solvegrad/autograd";
import { type DifferentiationRule, quadraticLayer, type Solution, type Solver } from "@solvegrad/optlayers";

/** How the optimization layer of a network is solved, differentiated and fed. */
export interface QuadraticModuleOptions {
  readonly solver: Solver;
  readonly differentiation: DifferentiationRule;
  /** What to do with an item that cannot be solved: raise (the default), or give it zeros and a zero gradient. */
  readonly onFailure?: "raise" | "mask";
  /** Whether the equalities' matrix A is learned; all other data stay fixed. */
  readonly learnA?: boolean;
  /** 1: the input is q, as in Alt-Diff's published network; -1: q is minus the input, as in its OptNetEq. */
  readonly sign?: 1 | -1;
}

/**
 * A layer with n inputs and n outputs: the input z of each item enters the objective, the output is the minimizer of
 *
 *     1/2 x'Qx + q'x   subject to  Ax = b,  Gx <= h,      Q = 0.1 I,  q = z or -z,
 *
 * A (p x n), G (m x n) and h uniform on (0, 1), b = 1 (Alt-Diff, section F.2, and its published code). Input and
 * output are float32; the problem is stated, solved and differentiated in float64.
 */
export class QuadraticModule extends Module {
  readonly Q: Tensor;
  readonly A: Tensor;
  readonly b: Tensor;
  readonly G: Tensor;
  readonly h: Tensor;
  /** What the solver said about the last batch that went through. */
  lastSolution: Solution | null = null;
  readonly #options: QuadraticModuleOptions;

  constructor(n: number, p: number, m: number, random: Random, options: QuadraticModuleOptions) {
    super();
    this.#options = options;
    this.Q = mul(eye(n), 0.1);
    this.A = random.uniform([p, n], { low: 0, high: 1 });
    this.A.requiresGrad = options.learnA ?? false;
    this.b = ones([p]);
    this.G = random.uniform([m, n], { low: 0, high: 1 });
    this.h = random.uniform([m], { low: 0, high: 1 });
  }

  /** The minimizers (B x n) for the inputs (B x n). Throws an OptimizationError for an item that fails, unless failures are masked. */
  override forward(input: Tensor): Tensor {
    const { Q, A, b, G, h } = this;
    const { x, solution } = quadraticLayer({ Q, q: this.linearTerm(input), A, b, G, h }, this.#options);
    this.lastSolution = solution;
    return x.to(input.dtype);
  }

  /** q for an input of the layer, in float64. */
  linearTerm(input: Tensor): Tensor {
    const z = input.to("float64");
    return this.#options.sign === -1 ? neg(z) : z;
  }
}
