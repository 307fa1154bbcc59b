import {
  addSymmetricProduct,
  improveByGmres,
  RefinementWorkspace,
  SparseLdl,
  type SparseMatrix,
  solveRefined,
} from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import { INACTIVE } from "./active-set.ts";
import { analysisOf } from "./kkt-analysis.ts";
import type { ScaledProgram } from "./scaled-program.ts";

/** Weight that holds a fixed variable in place, and, as W, keeps the multiplier of a row without bounds at zero. */
export const rigid = 1e16;

const smallestPivot = 1e-14;
/** Residual of a solution, as a share of its right-hand side. */
const refinementTarget = 1e-14;
const pivotBump = 1e-7;

/** What a solver leaves behind for a derivative; whoever uses the system updates it first. */
export interface SparseState {
  readonly program: ScaledProgram;
  readonly system: KktSystem;
}

/**
 * The linear systems of the iteration,
 *
 *     [Q + diag(Sigma)   C'      ] [dx]   [r]
 *     [C               -diag(W)  ] [dy] = [t],
 *
 * quasi-definite with Sigma, W >= 0 once delta is added: analysed once, factored for every Sigma and W.
 */
export class KktSystem {
  readonly size: number;
  /** Multiplications and additions of a factorization, about. */
  readonly work: number;
  private readonly n: number;
  /** The face whose factor this is. */
  private held: { readonly active: Uint8Array; readonly delta: number } | null = null;
  private readonly factor: SparseLdl;
  private readonly matrix: SparseMatrix;
  private readonly base: Float64Array;
  private readonly signs: Int8Array;
  private readonly workspace: RefinementWorkspace;

  constructor({ kkt, n, rows, original }: ScaledProgram) {
    this.n = n;
    this.size = n + rows;
    this.matrix = { ...kkt, data: kkt.data.slice() };
    this.base = kkt.data;
    this.signs = Int8Array.from({ length: this.size }, (_, i) => (i < n ? 1 : -1));
    this.factor = new SparseLdl(analysisOf(original, kkt));
    this.work = this.factor.analysis.work;
    this.workspace = new RefinementWorkspace(this.size);
  }

  /**
   * Factors the system of a face: rigid Sigma on the variables that are active, rigid W on the rows that are not. Does nothing
   * where that is the last factor anyway.
   */
  hold(active: Uint8Array, delta: number): boolean {
    if (this.held?.delta === delta && sameFace(this.held.active, active)) return true;
    const diagonal = new Float64Array(this.size);
    for (let k = 0; k < this.size; k++) diagonal[k] = (active[k] !== INACTIVE) === k < this.n ? rigid : 0;
    if (!this.update(diagonal, delta)) return false;
    this.held = { active: active.slice(), delta };
    return true;
  }

  /** Factors with this diagonal (Sigma, then W). Returns false where no factor exists in floating point. */
  update(diagonal: Float64Array, delta: number): boolean {
    const { data, indptr } = this.matrix;
    this.held = null;
    data.set(this.base);
    for (let i = 0; i < this.size; i++) data[indptr[i + 1] - 1] += this.signs[i] * diagonal[i];
    return this.factor.factor(data, { signs: this.signs, regularization: delta, smallestPivot, pivotBump });
  }

  /** Solves with the last factor, refined against the matrix without delta. Returns the residual. */
  solve(rhs: Float64Array, solution: Float64Array): number {
    const { factor, matrix, workspace } = this;
    const { residual } = solveRefined(factor, matrix, rhs, solution, { tolerance: refinementTarget, workspace });
    if (!(residual > refinementTarget * maxAbs(rhs))) return residual;
    return improveByGmres(factor, matrix, rhs, solution, { tolerance: refinementTarget }).residual;
  }

  /** The product with the matrix of the last update, without delta. */
  multiply(x: Float64Array): Float64Array {
    const product = new Float64Array(this.size);
    addSymmetricProduct(1, this.matrix, x, product);
    return product;
  }

  /** Solves with the last factor as it is, delta included. */
  solveRegularized(rhs: Float64Array, solution: Float64Array): void {
    this.factor.solve(rhs, solution);
  }
}

/** Whether the same constraints are active, on either side. */
function sameFace(a: Uint8Array, b: Uint8Array): boolean {
  for (let k = 0; k < a.length; k++) if ((a[k] !== INACTIVE) !== (b[k] !== INACTIVE)) return false;
  return true;
}
