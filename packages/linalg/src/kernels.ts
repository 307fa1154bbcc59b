import type { FloatArray, View } from "./view.ts";

/** Which triangle of a square view holds the matrix; the other one is neither read nor written. */
export type Triangle = "lower" | "upper";

/**
 * The compute kernels that everything else stands on: one interface, three implementations (`native`, `wasm`,
 * `reference`) that agree to rounding.
 *
 * All operands of a call have one dtype, and the output does not overlap an input. Operands are strided views, so a
 * transposed operand is a view with swapped strides. Any strides are accepted; unit stride along one of the two matrix
 * axes is the fast case. An empty operand (any size 0) is legal and follows the formula. As in BLAS, `beta = 0`
 * overwrites the output even where it held NaN.
 *
 * The `Batched` forms take one more, leading axis: items with stride 0 along it are shared by the whole batch.
 * Shapes are checked by the callers of this interface; a violated shape throws a RangeError that names the kernel.
 */
export interface Kernels {
  readonly name: "native" | "wasm" | "reference";
  /** One line for people: the library and core type, or the wasm variant. */
  readonly description: string;
  /** How many threads a large call may use. */
  readonly threads: number;

  /** C <- alpha A B + beta C, with A (m x k), B (k x n), C (m x n). */
  gemm<T extends FloatArray>(alpha: number, A: View<T>, B: View<T>, beta: number, C: View<T>): void;
  /** y <- alpha A x + beta y, with A (m x n). */
  gemv<T extends FloatArray>(alpha: number, A: View<T>, x: View<T>, beta: number, y: View<T>): void;
  /** C <- alpha A A' + beta C, with A (n x k) and C (n x n) symmetric; both triangles of C are written. */
  syrk<T extends FloatArray>(alpha: number, A: View<T>, beta: number, C: View<T>): void;
  /** A <- A + alpha x y'. */
  ger<T extends FloatArray>(alpha: number, x: View<T>, y: View<T>, A: View<T>): void;
  /** x'y. */
  dot<T extends FloatArray>(x: View<T>, y: View<T>): number;
  /** y <- y + alpha x. */
  axpy<T extends FloatArray>(alpha: number, x: View<T>, y: View<T>): void;
  /** B <- alpha T^-1 B for a triangular T (n x n) and B (n x r). A solve from the right is the transposed problem. */
  trsm<T extends FloatArray>(triangle: Triangle, alpha: number, T: View<T>, B: View<T>, unitDiagonal?: boolean): void;
  /** x <- T^-1 x. */
  trsv<T extends FloatArray>(triangle: Triangle, T: View<T>, x: View<T>, unitDiagonal?: boolean): void;
  /**
   * Cholesky: the lower triangle of A <- L with A = L L'; the strict upper triangle is left as it was.
   * Returns 0, or k + 1 when pivot k is not positive (A is then not positive definite, its content undefined).
   */
  potrf<T extends FloatArray>(A: View<T>): number;
  /** B <- (L L')^-1 B, with the lower triangle of L from `potrf`; B (n x r). */
  potrs<T extends FloatArray>(L: View<T>, B: View<T>): void;

  gemmBatched<T extends FloatArray>(alpha: number, A: View<T>, B: View<T>, beta: number, C: View<T>): void;
  gemvBatched<T extends FloatArray>(alpha: number, A: View<T>, x: View<T>, beta: number, y: View<T>): void;
  syrkBatched<T extends FloatArray>(alpha: number, A: View<T>, beta: number, C: View<T>): void;
  trsmBatched<T extends FloatArray>(
    triangle: Triangle,
    alpha: number,
    T: View<T>,
    B: View<T>,
    unitDiagonal?: boolean,
  ): void;
  /** One `potrf` an item; entry i of the result is item i's return value. */
  potrfBatched<T extends FloatArray>(A: View<T>): Int32Array;
  /** L may be shared (stride 0): the batch is then one multi-right-hand-side solve where the layout allows it. */
  potrsBatched<T extends FloatArray>(L: View<T>, B: View<T>): void;

  /**
   * Adam's update of contiguous arrays of one length, entry by entry: m <- beta1 m + (1 - beta1) g,
   * v <- beta2 v + (1 - beta2) g^2, theta <- theta - rate m / (sqrt(v) + epsilon).
   */
  adam<T extends FloatArray>(theta: T, g: T, m: T, v: T, coefficients: AdamCoefficients): void;

  readonly convolution: ConvolutionKernels;
}

/** The part of `Kernels` that works on vectors and matrices, single or in batches. */
export type MatrixKernels = Omit<Kernels, "name" | "description" | "threads" | "adam" | "convolution">;

/** The decay of the two moments, and the step's rate and guard, into which a caller folds the bias corrections. */
export interface AdamCoefficients {
  readonly beta1: number;
  readonly beta2: number;
  readonly rate: number;
  readonly epsilon: number;
}

/** Stride and zero padding of a convolution, the same along both axes. */
export interface ConvolutionOptions {
  readonly stride: number;
  readonly padding: number;
}

/** Convolution and pooling over contiguous row-major arrays of shape (N, C, H, W). "Convolution" is cross-correlation. */
export interface ConvolutionKernels {
  /** y(N,F,H',W') <- x(N,C,H,W) * w(F,C,R,S), plus bias(F) where given. */
  conv2d<T extends FloatArray>(
    x: View<T>,
    w: View<T>,
    bias: View<T> | null,
    y: View<T>,
    options: ConvolutionOptions,
  ): void;
  /** xbar <- the transpose of conv2d in x applied to ybar. */
  conv2dInput<T extends FloatArray>(ybar: View<T>, w: View<T>, xbar: View<T>, options: ConvolutionOptions): void;
  /** wbar <- the transpose of conv2d in w applied to ybar, summed over the batch. */
  conv2dWeight<T extends FloatArray>(x: View<T>, ybar: View<T>, wbar: View<T>, options: ConvolutionOptions): void;
  /** biasbar(F) <- the transpose of conv2d in the bias applied to ybar: its sum over images and pixels, taken in float64. */
  conv2dBias<T extends FloatArray>(ybar: View<T>, biasbar: View<T>): void;
  /** y <- the maximum of each size x size window (stride = size, a ragged rim is dropped); argmax holds flat indices into x's data window. The first maximum wins. */
  maxPool2d<T extends FloatArray>(x: View<T>, size: number, y: View<T>, argmax: Int32Array): void;
}
