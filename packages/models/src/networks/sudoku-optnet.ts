import { eye, matmul, mul, neg, type Random, type Tensor, zeros } from "@solvegrad/autograd";
import type { QuadraticProgramData } from "@solvegrad/optlayers";
import { QuadraticModule, type QuadraticModuleOptions } from "./quadratic-module.ts";

export interface SudokuOptNetOptions extends QuadraticModuleOptions {
  /** 2 for mini-Sudoku, 3 for 9 x 9. Default 2. */
  readonly block?: number;
  /** Rows of A; by default as many as the rules of the game have independent equations: 40 for mini-Sudoku. */
  readonly equalities?: number;
}

/**
 * The network of OptNet (section 4.4) that learns Sudoku from examples alone, one optimization layer over the one-hot board
 *
 *     minimize 1/2 * 0.1 |z|^2 - puzzle'z   subject to  A z = b,  z >= 0,      b = A exp(log z0),
 *
 * A and log z0 learned: by the choice of b, exp(log z0) > 0 satisfies the constraints whatever A is. A begins uniform on (0, 1), log z0
 * at zero. Nothing in it knows the rules; the solution's largest entry in each cell is the digit.
 */
export class SudokuOptNet extends QuadraticModule {
  readonly Q: Tensor;
  readonly A: Tensor;
  readonly logZ0: Tensor;
  readonly G: Tensor;
  readonly h: Tensor;

  constructor(random: Random, options: SudokuOptNetOptions) {
    super(options);
    const { block = 2, equalities = independentRules(block) } = options;
    const n = block ** 6;
    this.Q = mul(eye(n), 0.1);
    this.A = random.uniform([equalities, n], { low: 0, high: 1 });
    this.A.requiresGrad = true;
    this.logZ0 = zeros([n], { requiresGrad: true });
    this.G = neg(eye(n));
    this.h = zeros([n]);
  }

  /** The data of the layer's QP for puzzles (B x size^3), one-hot. */
  override layerData(puzzles: Tensor): QuadraticProgramData {
    const { Q, A, G, h } = this;
    return { Q, q: neg(puzzles), A, b: matmul(A, this.logZ0.exp()), G, h };
  }
}

/**
 * The rank of the rules of the game as equations (each cell one digit, each digit once in a row, a column and a block) on
 * boards of N x N, N = block^2: 3 N^2 - 3 N + 1 of Latin squares, and (block - 1)^2 (N - 1) more.
 */
export function independentRules(block: number): number {
  const N = block * block;
  return 3 * N * N - 3 * N + 1 + (block - 1) ** 2 * (N - 1);
}
