import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { AdjointPoint } from "../pullback.ts";
import type { Cotangent } from "../rule.ts";
import { largestRatio, type RecursionRun, type RecursionSettings, sourcesOf, writeAdjoint } from "./adjoint.ts";
import type { FrozenPoint } from "./point.ts";

/** Whether the group's adjoint system can be solved by conjugate gradients: they need Q positive definite. */
export function allowsConjugateGradients(point: FrozenPoint): boolean {
  return point.group.geometry.T !== null;
}

/**
 * The fixed point of the recursion by conjugate gradients on the active rows,
 *
 *     S_aa y = (K Q^-1 c)_a,   S = K Q^-1 K',   u = Q^-1 (c - K_a' y),
 *
 * for all rows at once: one product with the shared S, and masks. Preconditioned by the diagonal of S. It needs no
 * penalty, and its count of iterations grows with the root of what the plain recursion's grows with.
 */
export function adjointConjugateGradients(
  problem: QuadraticProgram,
  point: FrozenPoint,
  cotangent: Cotangent,
  settings: RecursionSettings,
  adjoint: AdjointPoint,
): RecursionRun {
  const { group, active } = point;
  const { geometry, count } = group;
  const { n, r, T, S, factorQ } = geometry;
  if (!T || !factorQ) throw new Error("conjugate gradients need a positive definite Q");
  const kernels = activeKernels();
  const { c, duals } = sourcesOf(problem, point, cotangent);
  const white = view(c, [count, n]);
  kernels.trsm("lower", 1, factorQ, transposed(white));
  const y = view(new Float64Array(count * r), [count, r]);
  let run: RecursionRun = { iterations: 0, residual: 0, bytes: 0 };
  if (r > 0) {
    const b = new Float64Array(count * r);
    kernels.gemm(1, white, T, 0, view(b, [count, r]));
    for (let k = 0; k < b.length; k++) b[k] = active[k] ? b[k] - duals[k] : 0;
    run = conjugateGradients(productWith(S, T, count), inverseDiagonal(S, T), active, b, y.data, count, settings);
    kernels.gemm(-1, y, transposed(T), 1, white);
  }
  kernels.trsm("upper", 1, transposed(factorQ), transposed(white));
  writeAdjoint(point, white.data, y.data, adjoint);
  return { ...run, bytes: 8 * (count * n + 6 * count * r + (S ? 0 : count * n)) };
}

/** P -> P S, through S where it was formed, otherwise through its factor T. */
function productWith(S: View<Float64Array> | null, T: View<Float64Array>, count: number) {
  const kernels = activeKernels();
  const [n, r] = T.shape;
  if (S) {
    return (P: Float64Array, SP: Float64Array) => kernels.gemm(1, view(P, [count, r]), S, 0, view(SP, [count, r]));
  }
  const TP = view(new Float64Array(count * n), [count, n]);
  return (P: Float64Array, SP: Float64Array) => {
    kernels.gemm(1, view(P, [count, r]), transposed(T), 0, TP);
    kernels.gemm(1, TP, T, 0, view(SP, [count, r]));
  };
}

/** 1 / S_jj, from T = factorQ^-1 K' where S was not formed; 1 for a row of zeros. */
function inverseDiagonal(S: View<Float64Array> | null, T: View<Float64Array>): Float64Array {
  const [n, r] = T.shape;
  const diagonal = new Float64Array(r);
  if (S) for (let j = 0; j < r; j++) diagonal[j] = S.data[j * r + j];
  else for (let i = 0; i < n; i++) for (let j = 0; j < r; j++) diagonal[j] += T.data[i * r + j] ** 2;
  return diagonal.map((value) => (value > 0 ? 1 / value : 1));
}

/** S_aa y = b by preconditioned conjugate gradients, every row its own system; y starts at 0. */
function conjugateGradients(
  product: (P: Float64Array, SP: Float64Array) => void,
  inverse: Float64Array,
  active: Uint8Array,
  b: Float64Array,
  y: Float64Array,
  count: number,
  settings: RecursionSettings,
): RecursionRun {
  const r = b.length / count;
  const residual = b;
  const P = new Float64Array(b.length);
  const SP = new Float64Array(b.length);
  const size = new Float64Array(count);
  const first = new Float64Array(count);
  for (let i = 0, k = 0; i < count; i++) {
    for (let j = 0; j < r; j++, k++) {
      P[k] = inverse[j] * residual[k];
      size[i] += P[k] * residual[k];
    }
    first[i] = size[i];
  }
  let iterations = 0;
  const target = settings.truncate * settings.truncate;
  while (iterations < settings.maxIterations && largestRatio(size, first) > target) {
    iterations++;
    product(P, SP);
    for (let i = 0; i < count; i++) {
      if (size[i] <= target * first[i]) continue;
      advanceRow(i, r, { y, residual, P, SP, inverse, active, size });
    }
  }
  return { iterations, residual: Math.sqrt(largestRatio(size, first)), bytes: 0 };
}

interface ConjugateRows {
  readonly y: Float64Array;
  readonly residual: Float64Array;
  readonly P: Float64Array;
  readonly SP: Float64Array;
  readonly inverse: Float64Array;
  readonly active: Uint8Array;
  /** residual' D^-1 residual of every row. */
  readonly size: Float64Array;
}

/** One step of conjugate gradients for row i, whose direction's product is in SP. */
function advanceRow(i: number, r: number, { y, residual, P, SP, inverse, active, size }: ConjugateRows): void {
  const begin = i * r;
  const end = begin + r;
  let curvature = 0;
  for (let k = begin; k < end; k++) curvature += P[k] * SP[k];
  const step = curvature > 0 ? size[i] / curvature : 0;
  let next = 0;
  for (let k = begin, j = 0; k < end; k++, j++) {
    if (!active[k]) continue;
    y[k] += step * P[k];
    residual[k] -= step * SP[k];
    next += inverse[j] * residual[k] * residual[k];
  }
  const keep = next / size[i];
  for (let k = begin, j = 0; k < end; k++, j++) P[k] = inverse[j] * residual[k] + keep * P[k];
  size[i] = next;
}
