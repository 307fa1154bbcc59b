import { add, eye, matmul, mul, ones, type Random, type Tensor, tensor, zeros } from "@solvegrad/autograd";
import type { QuadraticProgramData } from "@solvegrad/optlayers";
import { QuadraticModule, type QuadraticModuleOptions } from "./quadratic-module.ts";

/** Where the learned data of an `OptNet` begin; they are copied. */
export interface OptNetStart {
  /** n x n, of which the lower triangle counts. */
  readonly L: Tensor;
  /** m x n. */
  readonly G: Tensor;
  /** n. */
  readonly z0: Tensor;
  /** m. */
  readonly s0: Tensor;
}

export interface OptNetOptions extends QuadraticModuleOptions {
  /** Inputs and outputs. Default 200. */
  readonly n?: number;
  /** Inequalities. Default 50. */
  readonly m?: number;
  /** Added to Q's diagonal. Default 1e-4. */
  readonly epsilon?: number;
  /** Default: L = sqrt(0.1) I, rows of G drawn with a length of about 1, z0 = 0, s0 = 1. */
  readonly start?: OptNetStart;
}

/**
 * The layer of OptNet (Amos and Kolter 2017, section 3.2) with everything learned: its input is the linear term q, its output the
 * minimizer of
 *
 *     1/2 z'Qz + q'z   subject to  G z <= h,      Q = L L' + epsilon I,  h = G z0 + s0,
 *
 * L lower triangular, G, z0 and s0 learned. Q is positive definite whatever L is, and z0 feasible as long as s0 >= 0.
 */
export class OptNet extends QuadraticModule {
  readonly L: Tensor;
  readonly G: Tensor;
  readonly z0: Tensor;
  readonly s0: Tensor;
  readonly #lower: Tensor;
  readonly #ridge: Tensor;

  constructor(random: Random, options: OptNetOptions) {
    super(options);
    const { n = 200, m = 50, epsilon = 1e-4 } = options;
    const { L, G, z0, s0 } = options.start ?? drawnStart(n, m, random);
    [this.L, this.G, this.z0, this.s0] = [L, G, z0, s0].map(learned);
    this.#lower = lowerTriangle(n);
    this.#ridge = mul(eye(n), epsilon);
  }

  override layerData(q: Tensor): QuadraticProgramData {
    const L = mul(this.L, this.#lower);
    const Q = add(matmul(L, L.swapLastTwo()), this.#ridge);
    return { Q, q: q.to("float64"), G: this.G, h: add(matmul(this.G, this.z0), this.s0) };
  }
}

function drawnStart(n: number, m: number, random: Random): OptNetStart {
  return {
    L: mul(eye(n), Math.sqrt(0.1)),
    G: random.normal([m, n], { deviation: 1 / Math.sqrt(n) }),
    z0: zeros([n]),
    s0: ones([m]),
  };
}

function learned(start: Tensor): Tensor {
  return tensor(start.data().slice(), { shape: [...start.shape], requiresGrad: true });
}

function lowerTriangle(n: number): Tensor {
  const values = new Float64Array(n * n);
  for (let i = 0; i < n; i++) values.fill(1, i * n, i * n + i + 1);
  return tensor(values, { shape: [n, n] });
}
