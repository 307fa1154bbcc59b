import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { diagonalRatio } from "../../arrays.ts";
import type { AdmmGeometry, PenaltyFactor } from "./geometry.ts";

/**
 * ADMM's x-update for `count` right-hand sides f (rows of F) and duals z (rows of Z),
 *
 *     x = -H^-1 (f + K'z),   H = Q + rho K'K,
 *
 * the one linear system that the iteration, its Jacobian (7a) and its transpose share.
 */
export interface PrimalUpdate {
  /** KX <- K x of every row, the only thing that the iteration needs of x. */
  step(Z: Float64Array, KX: Float64Array): void;
  /** X <- x of every row, for the Z of the last step. */
  recover(Z: Float64Array, X: Float64Array): void;
  /** D <- Qx + f of every row, for the Z and KX of the last step, without forming x where that can be saved. */
  gradient(Z: Float64Array, KX: Float64Array, D: Float64Array): void;
}

/** Weight of the proximal term where H is singular, relative to the mean of H's diagonal. */
const proximalWeight = 1e-6;

/** A factor of H whose smallest pivot is this much smaller than the largest gets the proximal term. */
const singularPivot = 1e-6;

/** How many penalties a geometry remembers. */
const remembered = 4;

/** The factors of `geometry` for this penalty, made once. Null where H has entries that no factorization survives. */
export function penaltyFactor(geometry: AdmmGeometry, rho: number): PenaltyFactor | null {
  const known = geometry.penalties.get(rho);
  if (known) return known;
  const factor = geometry.S ? reducedFactor(geometry.S, rho) : fullFactor(geometry, rho);
  if (!factor) return null;
  if (geometry.penalties.size >= remembered) {
    const [oldest] = geometry.penalties.keys();
    geometry.penalties.delete(oldest);
  }
  geometry.penalties.set(rho, factor);
  return factor;
}

/** M = K H^-1 K' = (I + rho S)^-1 S with S = K Q^-1 K', by the Woodbury identity: r^3 flops instead of n^3. */
function reducedFactor(S: View<Float64Array>, rho: number): PenaltyFactor | null {
  const r = S.shape[0];
  const matrix = view(S.data.slice(), [r, r]);
  const shifted = view(
    S.data.map((value) => rho * value),
    [r, r],
  );
  const factor = { rho, shifted, matrix, proximal: 0 };
  if (r === 0) return factor;
  for (let i = 0; i < r; i++) shifted.data[i * r + i] += 1;
  if (activeKernels().potrf(shifted) !== 0) return null;
  activeKernels().potrs(shifted, matrix);
  return factor;
}

function fullFactor({ n, r, Q, K }: AdmmGeometry, rho: number): PenaltyFactor | null {
  const H = view(Q.data.slice(Q.offset, Q.offset + n * n), [n, n]);
  if (r > 0) activeKernels().syrk(rho, transposed(K), 1, H);
  const exact = view(H.data.slice(), [n, n]);
  if (activeKernels().potrf(exact) === 0 && diagonalRatio(exact.data, n) > singularPivot) {
    return { rho, shifted: null, matrix: exact, proximal: 0 };
  }
  let trace = 0;
  for (let j = 0; j < n; j++) trace += H.data[j * n + j];
  const proximal = proximalWeight * (trace > 0 ? trace / n : 1);
  for (let j = 0; j < n; j++) H.data[j * n + j] += proximal;
  return activeKernels().potrf(H) === 0 ? { rho, shifted: null, matrix: H, proximal } : null;
}

/** The x-update for the rows of F (count x n); a proximal term starts from the rows of `start`, or from 0. */
export function primalUpdate(
  geometry: AdmmGeometry,
  factor: PenaltyFactor,
  F: Float64Array,
  start?: Float64Array,
): PrimalUpdate {
  const { shifted } = factor;
  return shifted ? reducedUpdate(geometry, { ...factor, shifted }, F) : fullUpdate(geometry, factor, F, start);
}

/**
 * In the space of the constraints: K x = -(g + M z) with g = K H^-1 f = (I - rho M) K Q^-1 f, one small product a step.
 * At the end x = -Q^-1 (f + K'y) with y = z + rho K x, which is the same x. Rounding in y reaches K x through S, whose norm
 * is that of Q^-1, unless (I + rho S) y = z - rho K Q^-1 f holds to rounding: y is solved for and not summed
 * up from K x.
 */
function reducedUpdate(
  geometry: AdmmGeometry,
  factor: PenaltyFactor & { readonly shifted: View<Float64Array> },
  F: Float64Array,
): PrimalUpdate {
  const { n, r, T, factorQ } = geometry;
  if (!T || !factorQ) throw new Error("the reduced space needs the factor of Q");
  const { rho, matrix: M, shifted } = factor;
  const count = F.length / n;
  const kernels = activeKernels();
  const white = view(F.slice(), [count, n]);
  kernels.trsm("lower", 1, factorQ, transposed(white));
  const KQf = view(new Float64Array(count * r), [count, r]);
  const g = view(new Float64Array(count * r), [count, r]);
  if (r > 0) {
    kernels.gemm(1, white, T, 0, KQf);
    g.data.set(KQf.data);
    kernels.gemm(-rho, KQf, M, 1, g);
  }
  return {
    step(Z, KX) {
      if (r === 0) return;
      for (let k = 0; k < KX.length; k++) KX[k] = -g.data[k];
      kernels.gemm(-1, view(Z, [count, r]), M, 1, view(KX, [count, r]));
    },
    recover(Z, X) {
      for (let k = 0; k < X.length; k++) X[k] = -white.data[k];
      const x = view(X, [count, n]);
      if (r > 0) {
        const y = view(new Float64Array(count * r), [count, r]);
        for (let k = 0; k < y.data.length; k++) y.data[k] = Z[k] - rho * KQf.data[k];
        kernels.potrs(shifted, transposed(y));
        kernels.gemm(-1, y, transposed(T), 1, x);
      }
      kernels.trsm("upper", 1, transposed(factorQ), transposed(x));
    },
    gradient(Z, KX, D) {
      dualForce(geometry, rho, Z, KX, D);
    },
  };
}

/**
 * In the space of x. With a proximal term the update is x+ = -(H + sigma I)^-1 (f - sigma x + K'z), which has the same
 * fixed points: the problem itself is not changed.
 */
function fullUpdate(
  geometry: AdmmGeometry,
  factor: PenaltyFactor,
  F: Float64Array,
  start?: Float64Array,
): PrimalUpdate {
  const { n, r, K } = geometry;
  const count = F.length / n;
  const kernels = activeKernels();
  const last = view(start?.slice() ?? new Float64Array(count * n), [count, n]);
  const previous = new Float64Array(factor.proximal > 0 ? count * n : 0);
  const { matrix, proximal } = factor;
  return {
    step(Z, KX) {
      if (proximal > 0) previous.set(last.data);
      for (let k = 0; k < F.length; k++) last.data[k] = proximal * last.data[k] - F[k];
      if (r > 0) kernels.gemm(-1, view(Z, [count, r]), K, 1, last);
      kernels.potrs(matrix, transposed(last));
      if (r > 0) kernels.gemm(1, last, transposed(K), 0, view(KX, [count, r]));
    },
    recover(_Z, X) {
      X.set(last.data);
    },
    gradient(Z, KX, D) {
      dualForce(geometry, factor.rho, Z, KX, D);
      for (let k = 0; k < previous.length; k++) D[k] += proximal * (previous[k] - last.data[k]);
    },
  };
}

/** D <- -K'(z + rho K x), what Qx + f is at an x of the update without a proximal term. */
function dualForce({ n, r, K }: AdmmGeometry, rho: number, Z: Float64Array, KX: Float64Array, D: Float64Array): void {
  const count = D.length / n;
  const duals = new Float64Array(count * r);
  for (let k = 0; k < duals.length; k++) duals[k] = Z[k] + rho * KX[k];
  activeKernels().gemm(-1, view(duals, [count, r]), K, 0, view(D, [count, n]));
}
