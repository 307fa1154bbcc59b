import { activeKernels, transposed, type View } from "@solvegrad/linalg";
import { broadcastShapes } from "../axes.ts";
import { NotPositiveDefiniteError, ShapeError } from "../errors.ts";
import { type Shape, sameShape } from "../shape.ts";
import { noGrad } from "../tape/recording.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastValues, contiguous, copyOf, dtypeOfValues, type Values, zeroValues } from "../values.ts";
import { add, mul, neg } from "./elementwise.ts";
import { linear } from "./factories.ts";
import { reshape, swapLastTwo } from "./layout.ts";
import { asBatch, matmul, sumOfProducts } from "./matmul.ts";
import { apply, type Op } from "./op.ts";
import { sumTo } from "./reduction.ts";

export interface TriangularSolveOptions {
  /** Solves L'X = B instead of LX = B. */
  readonly transpose?: boolean;
}

export interface FactorizationAttributes {
  cholesky: null;
  triangularSolve: boolean;
  choleskySolve: null;
  /** The Cholesky factor of H. */
  positiveDefiniteSolve: Tensor;
  lowerTriangle: number;
}

/**
 * H = L L'. With P the lower triangle of L' Lbar, its diagonal halved: Hbar is the symmetric part of L^-T P L^-1
 * (Murray, Differentiation of the Cholesky decomposition, 2016, eq. 10).
 */
const choleskyOp: Op & { name: "cholesky" } = {
  name: "cholesky",
  shape: ([H]) => squareShape("cholesky", H),
  forward: ([H], _, shape) => factor(H, shape),
  vjp({ cotangent, output: L }) {
    const P = lowerTriangle(matmul(swapLastTwo(L), cotangent), 0.5);
    const left = triangularSolve(L, P, { transpose: true });
    const S = triangularSolve(L, swapLastTwo(left), { transpose: true });
    return [mul(add(S, swapLastTwo(S)), 0.5)];
  },
};

/** LX = B:  Bbar = L^-T Xbar,  Lbar = -tril(Bbar X').  For L'X = B:  Bbar = L^-1 Xbar,  Lbar = -tril(X Bbar'). */
const triangularSolveOp: Op<boolean> & { name: "triangularSolve" } = {
  name: "triangularSolve",
  shape: ([L, B]) => solveShape("triangularSolve", L, B),
  forward: ([L, B], transpose, shape) => substitute(L, B, transpose, shape),
  vjp({ cotangent, inputs: [L, B], output: X, attributes: transpose, needs }) {
    const Y = triangularSolve(L, cotangent, { transpose: !transpose });
    const product = (): Tensor => (transpose ? sumOfProducts(X, Y, L.shape) : sumOfProducts(Y, X, L.shape));
    return [needs[0] ? neg(lowerTriangle(product(), 1)) : null, needs[1] ? sumTo(Y, B.shape) : null];
  },
};

/** LL'X = B:  Bbar = (LL')^-1 Xbar,  Lbar = -tril((Bbar X' + X Bbar') L). */
const choleskySolveOp: Op & { name: "choleskySolve" } = {
  name: "choleskySolve",
  shape: ([L, B]) => solveShape("choleskySolve", L, B),
  forward: ([L, B], _, shape) => solveFactored(L, B, shape),
  vjp({ cotangent, inputs: [L, B], output: X, needs }) {
    const Y = choleskySolve(L, cotangent);
    const Lbar = (): Tensor => {
      const half = sumOfProducts(Y, X, L.shape);
      return neg(lowerTriangle(matmul(add(half, swapLastTwo(half)), lowerTriangle(L, 1)), 1));
    };
    return [needs[0] ? Lbar() : null, needs[1] ? sumTo(Y, B.shape) : null];
  },
};

/** HX = B:  Bbar = H^-1 Xbar,  Hbar = -(Bbar X' + X Bbar')/2. The factor enters as a constant, so no derivative of it is taken. */
const positiveDefiniteSolveOp: Op<Tensor> & { name: "positiveDefiniteSolve" } = {
  name: "positiveDefiniteSolve",
  shape: ([H, B]) => solveShape("positiveDefiniteSolve", H, B),
  forward: ([, B], L, shape) => solveFactored(L.value, B, shape),
  vjp({ cotangent, inputs: [H, B], output: X, attributes: L, needs }) {
    const Y = positiveDefiniteSolve(H, cotangent, L);
    const Hbar = (): Tensor => {
      const half = sumOfProducts(Y, X, H.shape);
      return mul(add(half, swapLastTwo(half)), -0.5);
    };
    return [needs[0] ? Hbar() : null, needs[1] ? sumTo(Y, B.shape) : null];
  },
};

export const factorizationOps = {
  cholesky: choleskyOp,
  triangularSolve: triangularSolveOp,
  choleskySolve: choleskySolveOp,
  positiveDefiniteSolve: positiveDefiniteSolveOp,
  lowerTriangle: linear<"lowerTriangle", number>(
    "lowerTriangle",
    (x) => squareShape("lowerTriangle", x),
    (x, diagonal) => keepLower(copyOf(x), diagonal),
    (cotangent, diagonal) => lowerTriangle(cotangent, diagonal),
  ),
};

/**
 * The lower triangular L with H = LL', for positive definite H (..., n, n). Of an H that is not symmetric the
 * symmetric part is factored, so the gradient is symmetric. Throws a NotPositiveDefiniteError naming the item.
 */
export function cholesky(H: Tensor): Tensor {
  return apply(choleskyOp, [H]);
}

/**
 * X with LX = B, or L'X = B under `transpose`, for lower triangular L (..., n, n), whose strict upper triangle is not
 * read, and B (..., n, r) or a vector (n). Leading axes broadcast: one L may serve a batch of B.
 */
export function triangularSolve(L: Tensor, B: Tensor, options: TriangularSolveOptions = {}): Tensor {
  if (B.rank === 1)
    return reshape(triangularSolve(L, reshape(B, [B.size, 1]), options), [...L.shape.slice(0, -2), B.size]);
  return apply(triangularSolveOp, [L, B], options.transpose ?? false);
}

/** X = (LL')^-1 B with L from `cholesky` (..., n, n) and B (..., n, r) or a vector (n). Leading axes broadcast. */
export function choleskySolve(L: Tensor, B: Tensor): Tensor {
  if (B.rank === 1) return reshape(choleskySolve(L, reshape(B, [B.size, 1])), [...L.shape.slice(0, -2), B.size]);
  return apply(choleskySolveOp, [L, B]);
}

/**
 * X = H^-1 B for positive definite H (..., n, n), of which the symmetric part counts, and B (..., n, r) or a vector (n).
 *
 * Many solves with one H share its factor: pass `factor`, the `cholesky` of H. Unlike `choleskySolve`, this
 * differentiates H directly, which saves a product of n x n matrices in each backward pass and the derivative of the factorization.
 */
export function positiveDefiniteSolve(H: Tensor, B: Tensor, factor: Tensor = noGrad(() => cholesky(H))): Tensor {
  if (!sameShape(factor.shape, H.shape)) {
    throw new ShapeError("positiveDefiniteSolve", [H.shape, factor.shape], "a factor of the shape of H");
  }
  if (B.rank === 1) {
    const column = positiveDefiniteSolve(H, reshape(B, [B.size, 1]), factor);
    return reshape(column, column.shape.slice(0, -1));
  }
  return apply(positiveDefiniteSolveOp, [H, B], factor);
}

/** The lower triangle with the diagonal weighted, zeros above. */
function lowerTriangle(x: Tensor, diagonal: number): Tensor {
  return apply(factorizationOps.lowerTriangle, [x], diagonal);
}

function squareShape(op: string, H: Shape): Shape {
  if (H.length < 2 || H[H.length - 1] !== H[H.length - 2]) throw new ShapeError(op, [H], "square matrices (..., n, n)");
  return H;
}

function solveShape(op: string, L: Shape, B: Shape): Shape {
  squareShape(op, L);
  const n = L[L.length - 1];
  if (B.length < 2 || B[B.length - 2] !== n)
    throw new ShapeError(op, [L, B], `a right-hand side (..., ${n}, r), or a vector (${n})`);
  return [...broadcastShapes(op, L.slice(0, -2), B.slice(0, -2)), ...B.slice(-2)];
}

function factor(H: Values, shape: Shape): Values {
  const L = symmetricPart(H);
  const failures = activeKernels().potrfBatched(asBatch(L, shape));
  const item = failures.findIndex((minor) => minor > 0);
  if (item >= 0) throw new NotPositiveDefiniteError("cholesky", item, failures[item]);
  return keepLower(L, 1);
}

/** The lower triangle of (H + H')/2, as a contiguous copy. */
function symmetricPart(H: Values): Values {
  const { data, offset } = contiguous(H);
  const L = zeroValues(dtypeOfValues(H), H.shape);
  const n = H.shape[H.shape.length - 1];
  for (let start = 0; start < L.size; start += n * n) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++)
        L.data[start + i * n + j] = (data[offset + start + i * n + j] + data[offset + start + j * n + i]) / 2;
    }
  }
  return L;
}

/** In place: the diagonal weighted, zeros above it. */
function keepLower(x: Values, diagonal: number): Values {
  const n = x.shape[x.shape.length - 1];
  for (let start = 0; start < x.size; start += n * n) {
    for (let i = 0; i < n; i++) {
      x.data[start + i * n + i] *= diagonal;
      x.data.fill(0, start + i * n + i + 1, start + (i + 1) * n);
    }
  }
  return x;
}

function substitute(L: Values, B: Values, transpose: boolean, shape: Shape): Values {
  const X = copyOf(broadcastValues("triangularSolve", B, shape));
  const triangle = transpose ? "upper" : "lower";
  const turned = <T extends View>(T: T): View => (transpose ? transposed(T) : T);
  const columns = asColumns(L, X);
  if (columns) activeKernels().trsm(triangle, 1, turned(matrixOf(L)), columns);
  else activeKernels().trsmBatched(triangle, 1, turned(asBatch(L, shape)), asBatch(X, shape));
  return X;
}

function solveFactored(L: Values, B: Values, shape: Shape): Values {
  const X = copyOf(broadcastValues("choleskySolve", B, shape));
  const columns = asColumns(L, X);
  if (columns) activeKernels().potrs(matrixOf(L), columns);
  else activeKernels().potrsBatched(asBatch(L, shape), asBatch(X, shape));
  return X;
}

/** Where one L serves all of X, and each item of X is a single column: X as one matrix with a column for each item. */
function asColumns(L: Values, X: Values): View | null {
  const [n, r] = X.shape.slice(-2);
  const shared = L.size === n * n;
  if (!shared || (r !== 1 && X.size !== n * r)) return null;
  return r === 1 ? { data: X.data, shape: [n, n === 0 ? 0 : X.size / n], stride: [1, n], offset: 0 } : matrixOf(X);
}

/** The only matrix of a batch of one. */
function matrixOf(x: Values): View {
  return { data: x.data, shape: x.shape.slice(-2), stride: x.stride.slice(-2), offset: x.offset };
}
