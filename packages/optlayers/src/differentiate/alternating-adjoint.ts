import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { primalUpdate } from "../solvers/admm-update.ts";
import type { FrozenPoint } from "./alternating-point.ts";
import type { AdjointPoint } from "./pullback.ts";
import type { Cotangent } from "./rule.ts";

export interface RecursionSettings {
  readonly truncate: number;
  readonly maxIterations: number;
  readonly relaxation: number;
}

export interface RecursionRun {
  readonly iterations: number;
  /** Largest residual over the rows, relative to the first. */
  readonly residual: number;
  readonly bytes: number;
}

/** The cotangents of a group's rows: of x (count x n), and of the scaled duals (count x r), 0 where they do not count. */
interface Sources {
  readonly c: Float64Array;
  readonly duals: Float64Array;
}

/**
 * The transpose of the recursion (7) at the frozen pattern d, sigma = 2d - 1, for one cotangent c:
 *
 *     u     = H^-1 (c + rho K'v),   v = (nubar, wbar)
 *     nubar+ = nubar - A u,   wbar+ = d . wbar - sigma . (G u),   v+ averaged with v by the relaxation
 *
 * At its fixed point A u = 0, G_a u = 0 and, with y = -rho nubar, w = -rho wbar on the active rows, (u, y, w) solves the
 * adjoint KKT system. Averaging keeps the fixed point, so the limit knows nothing of the relaxation. A cotangent g of nu
 * or lambda becomes the right-hand side of A u or G_a u, and (y, w) = rho (g - v). One small product a step in the space
 * of the constraints.
 */
export function adjointRecursion(
  problem: QuadraticProgram,
  point: FrozenPoint,
  cotangent: Cotangent,
  settings: RecursionSettings,
  adjoint: AdjointPoint,
): RecursionRun {
  const { group, factor, active } = point;
  const { geometry, count } = group;
  const { n, r } = geometry;
  const { c, duals } = sourcesOf(problem, point, cotangent);
  const F = c.map((value) => -value);
  const update = primalUpdate(geometry, factor, F);
  const v = new Float64Array(count * r);
  const Z = new Float64Array(count * r);
  const Ku = new Float64Array(count * r);
  const change = new Float64Array(count);
  const first = new Float64Array(count);
  const { rho } = factor;
  let iterations = 0;
  let residual = 0;
  do {
    iterations++;
    for (let k = 0; k < v.length; k++) Z[k] = -rho * v[k];
    update.step(Z, Ku);
    for (let i = 0, k = 0; i < count; i++) {
      let sum = 0;
      for (let j = 0; j < r; j++, k++) {
        const step = active[k] ? duals[k] - Ku[k] : Ku[k] - v[k];
        v[k] += settings.relaxation * step;
        sum += step * step;
      }
      change[i] = Math.sqrt(sum);
      if (iterations === 1) first[i] = change[i];
    }
    residual = largestRatio(change, first);
  } while (residual > settings.truncate && iterations < settings.maxIterations);

  const u = new Float64Array(count * n);
  update.recover(Z, Ku, u);
  const y = v.map((value, k) => (active[k] ? rho * (duals[k] - value) : 0));
  writeAdjoint(point, u, y, adjoint);
  return { iterations, residual, bytes: 8 * (5 * count * n + 7 * count * r) };
}

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

function largestRatio(values: Float64Array, references: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (references[i] > 0) largest = Math.max(largest, values[i] / references[i]);
  }
  return largest;
}

function sourcesOf({ n, p, m }: QuadraticProgram, point: FrozenPoint, cotangent: Cotangent): Sources {
  const { group, active, usable } = point;
  const { first, count, geometry } = group;
  const { r, scale } = geometry;
  const c = cotangent.x.slice(first * n, (first + count) * n);
  const duals = new Float64Array(count * r);
  for (let i = 0; i < count; i++) {
    if (!usable[i]) {
      c.fill(0, i * n, (i + 1) * n);
      continue;
    }
    for (let j = 0; j < r; j++) {
      const k = i * r + j;
      const value = j < p ? cotangent.nu?.[(first + i) * p + j] : cotangent.lambda?.[(first + i) * m + j - p];
      if (value !== undefined && active[k]) duals[k] = scale[j] * value;
    }
  }
  return { c, duals };
}

/** Into the rows of the batch, in the units of the data: (y, w) = E y~. */
function writeAdjoint({ group }: FrozenPoint, u: Float64Array, y: Float64Array, adjoint: AdjointPoint): void {
  const { first, count, geometry } = group;
  const { n, p, r, scale } = geometry;
  adjoint.u.set(u, first * n);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < p; j++) adjoint.y[(first + i) * p + j] = scale[j] * y[i * r + j];
    for (let j = p; j < r; j++) adjoint.w[(first + i) * (r - p) + j - p] = scale[j] * y[i * r + j];
  }
}
