import { maxAbs } from "../arrays.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { type KktMethod, type KktVector, kktResidual, kktVector } from "./kkt-method.ts";

export interface RefinementOptions {
  /** How often a solve with the regularized factor may correct the solution. */
  readonly steps: number;
  /** Stops a slot at this residual, relative to its right-hand side. */
  readonly tolerance: number;
}

export interface RefinedSolution {
  readonly z: KktVector;
  /** Largest entry of rhs - K z relative to that of rhs, one a slot. */
  readonly residual: Float64Array;
}

/**
 * Solves K z = rhs by iterative refinement: z <- z + M^-1 (rhs - K z), where M is the regularized K that `method` has
 * factored for `items` and D. A slot keeps its best z; it stops when a correction no longer halves the residual.
 */
export function solveRefined(
  problem: QuadraticProgram,
  method: KktMethod,
  items: Int32Array,
  D: Float64Array,
  rhs: KktVector,
  { steps, tolerance }: RefinementOptions,
): RefinedSolution {
  const slots = items.length;
  const z = kktVector(problem, slots);
  const r: KktVector = { x: rhs.x.slice(), nu: rhs.nu.slice(), lambda: rhs.lambda.slice() };
  const correction = kktVector(problem, slots);
  const size = slotNorms(problem, slots, rhs);
  const residual = new Float64Array(slots).fill(1);
  const done = new Uint8Array(slots);
  for (let step = 0; step <= steps && done.includes(0); step++) {
    copyVector(r, correction);
    method.solve(correction);
    retireNotFinite(slotNorms(problem, slots, correction), done);
    addSlots(problem, slots, 1, correction, z, done);
    kktResidual(problem, items, D, z, rhs, r);
    const keep = acceptSmaller(slotNorms(problem, slots, r), size, residual, done, tolerance);
    addSlots(problem, slots, -1, correction, z, keep);
  }
  return { z, residual };
}

function retireNotFinite(norms: Float64Array, done: Uint8Array): void {
  for (let k = 0; k < norms.length; k++) if (!Number.isFinite(norms[k])) done[k] = 1;
}

/**
 * Records the residuals that became smaller, and says by 1 which slots keep what they have. A slot is done at the
 * tolerance, and when a correction does not halve its residual.
 */
function acceptSmaller(
  norms: Float64Array,
  size: Float64Array,
  residual: Float64Array,
  done: Uint8Array,
  tolerance: number,
): Uint8Array {
  const keep = new Uint8Array(norms.length).fill(1);
  for (let k = 0; k < norms.length; k++) {
    if (done[k]) continue;
    const relative = norms[k] / (size[k] || 1);
    if (!(relative <= residual[k] / 2) || relative <= tolerance) done[k] = 1;
    if (relative <= residual[k]) residual[k] = relative;
    else keep[k] = 0;
  }
  return keep;
}

function copyVector(from: KktVector, to: KktVector): void {
  to.x.set(from.x);
  to.nu.set(from.nu);
  to.lambda.set(from.lambda);
}

/** Largest absolute entry over x, nu and lambda of each slot; NaN where one is. */
function slotNorms({ n, p, m }: QuadraticProgram, slots: number, vector: KktVector): Float64Array {
  const norms = new Float64Array(slots);
  for (let k = 0; k < slots; k++) {
    norms[k] = Math.max(
      maxAbs(vector.x, k * n, (k + 1) * n),
      maxAbs(vector.nu, k * p, (k + 1) * p),
      maxAbs(vector.lambda, k * m, (k + 1) * m),
    );
  }
  return norms;
}

/** z <- z + sign * d in the slots that are not skipped. */
function addSlots(
  problem: QuadraticProgram,
  slots: number,
  sign: 1 | -1,
  d: KktVector,
  z: KktVector,
  skip: Uint8Array,
): void {
  for (let k = 0; k < slots; k++) {
    if (skip[k]) continue;
    addAt(sign, d.x, z.x, k, problem.n);
    addAt(sign, d.nu, z.nu, k, problem.p);
    addAt(sign, d.lambda, z.lambda, k, problem.m);
  }
}

function addAt(sign: 1 | -1, d: Float64Array, z: Float64Array, k: number, width: number): void {
  for (let i = k * width; i < (k + 1) * width; i++) z[i] += sign * d[i];
}
