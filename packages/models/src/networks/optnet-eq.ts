import { eye, mul, neg, ones, type Random, type Tensor } from "@solvegrad/autograd";
import type { QuadraticProgramData } from "@solvegrad/optlayers";
import { QuadraticModule, type QuadraticModuleOptions } from "./quadratic-module.ts";

export interface OptNetEqOptions extends QuadraticModuleOptions {
  /** Inputs and outputs. Default 200. */
  readonly n?: number;
  /** Equalities. Default 50. */
  readonly p?: number;
  /** Inequalities. Default 50. */
  readonly m?: number;
  /** Whether the equalities' matrix A is learned; all other data stay fixed. Default false. */
  readonly learnA?: boolean;
  /** 1: the input is q, as in Alt-Diff's published network; -1: q is minus the input, as in its OptNetEq. Default 1. */
  readonly sign?: 1 | -1;
}

/**
 * A layer with n inputs and n outputs: the input z of each item enters the objective, the output is the minimizer of
 *
 *     1/2 x'Qx + q'x   subject to  Ax = b,  Gx <= h,      Q = 0.1 I,  q = z or -z,
 *
 * A (p x n), G (m x n) and h uniform on (0, 1), b = 1 (Alt-Diff, section F.2, and its published code).
 */
export class OptNetEq extends QuadraticModule {
  readonly Q: Tensor;
  readonly A: Tensor;
  readonly b: Tensor;
  readonly G: Tensor;
  readonly h: Tensor;
  readonly #sign: 1 | -1;

  constructor(random: Random, options: OptNetEqOptions) {
    super(options);
    const { n = 200, p = 50, m = 50, learnA = false, sign = 1 } = options;
    this.#sign = sign;
    this.Q = mul(eye(n), 0.1);
    this.A = random.uniform([p, n], { low: 0, high: 1 });
    this.A.requiresGrad = learnA;
    this.b = ones([p]);
    this.G = random.uniform([m, n], { low: 0, high: 1 });
    this.h = random.uniform([m], { low: 0, high: 1 });
  }

  override layerData(input: Tensor): QuadraticProgramData {
    const { Q, A, b, G, h } = this;
    const z = input.to("float64");
    return { Q, q: this.#sign === -1 ? neg(z) : z, A, b, G, h };
  }
}
