import type { SparseLdl } from "./ldl.ts";
import type { SparseMatrix } from "./matrix.ts";
import { addSymmetricProduct } from "./product.ts";
import type { Refinement } from "./refine.ts";

export interface GmresOptions {
  /** Stop at a residual |b - Kx|_2 of this share of |b|_2; 1e-14 by default. */
  readonly tolerance?: number;
  /** Length of a cycle, and how many vectors it holds; 12 by default. */
  readonly maxSteps?: number;
  /** How often the cycle starts afresh from the true residual; 2 by default. */
  readonly cycles?: number;
  /** Whether a cycle that does not halve the residual is the last; true by default. */
  readonly stopsWhenSlow?: boolean;
}

/** A linear map from vectors to new vectors. */
export type LinearMap = (x: Float64Array) => Float64Array;

/**
 * Improves the solution x of K x = b by the generalized minimal residual method (Y. Saad and M. Schultz, 1986) with the
 * factor of K + delta S as preconditioner from the right. It takes out a regularization that is large beside some of K's
 * eigenvalues, where plain refinement would take 1/(its share) steps. x never gets worse.
 */
export function improveByGmres(
  factor: SparseLdl,
  upper: SparseMatrix,
  b: Float64Array,
  x: Float64Array,
  options: GmresOptions = {},
): Refinement {
  const product: LinearMap = (z) => {
    const w = new Float64Array(z.length);
    addSymmetricProduct(1, upper, z, w);
    return w;
  };
  const precondition: LinearMap = (v) => {
    const z = new Float64Array(v.length);
    factor.solve(v, z);
    return z;
  };
  return gmres(product, b, x, { ...options, precondition });
}

/** The same for any K that is known by its products alone, with any approximate inverse as `precondition`; without one, the identity. */
export function gmres(
  product: LinearMap,
  b: Float64Array,
  x: Float64Array,
  options: GmresOptions & { readonly precondition?: LinearMap } = {},
): Refinement {
  const { tolerance = 1e-14, maxSteps = 12, cycles = 2, stopsWhenSlow = true } = options;
  const { precondition = (v: Float64Array) => v.slice() } = options;
  const target = tolerance * norm(b);
  let residual = residualOf(product, b, x);
  let size = norm(residual);
  let steps = 0;
  for (let cycle = 0; cycle < cycles && size > target; cycle++) {
    const space = new KrylovSpace(product, precondition, residual, size);
    while (space.steps < maxSteps && space.residual > target && space.extend());
    steps += space.steps;
    const candidate = space.correction();
    for (let i = 0; i < x.length; i++) candidate[i] += x[i];
    const next = residualOf(product, b, candidate);
    const nextSize = norm(next);
    if (!(nextSize < size)) break;
    x.set(candidate);
    residual = next;
    const slow = nextSize > size / 2;
    size = nextSize;
    if (slow && stopsWhenSlow) break;
  }
  return { residual: largestEntry(residual), steps };
}

/** An orthonormal basis V of the Krylov space of K M^-1, with K Z = V H for Z = M^-1 V, H made triangular by rotations as it grows. */
class KrylovSpace {
  steps = 0;
  /** Norm of the residual that the space attains. */
  residual: number;
  private readonly product: LinearMap;
  private readonly precondition: LinearMap;
  private readonly V: Float64Array[];
  private readonly Z: Float64Array[] = [];
  private readonly R: number[][] = [];
  private readonly rotations: [number, number][] = [];
  private readonly g: number[];

  constructor(product: LinearMap, precondition: LinearMap, residual: Float64Array, size: number) {
    this.product = product;
    this.precondition = precondition;
    this.V = [residual.map((value) => value / size)];
    this.g = [size];
    this.residual = size;
  }

  /** One more vector; false where the space does not grow any more. */
  extend(): boolean {
    const { V, steps } = this;
    const z = this.precondition(V[steps]);
    const w = this.product(z);
    const before = norm(w);
    if (!(before > 0 && Number.isFinite(before))) return false;
    const column = this.orthogonalize(w);
    const length = norm(w);
    this.Z.push(z);
    this.rotate(column, length);
    this.steps++;
    if (length <= 1e-14 * before) return false;
    V.push(w.map((value) => value / length));
    return true;
  }

  /** w <- w - V V'w, twice. */
  private orthogonalize(w: Float64Array): number[] {
    const column = new Array<number>(this.V.length).fill(0);
    for (let pass = 0; pass < 2; pass++) {
      this.V.forEach((v, k) => {
        let product = 0;
        for (let i = 0; i < w.length; i++) product += v[i] * w[i];
        for (let i = 0; i < w.length; i++) w[i] -= product * v[i];
        column[k] += product;
      });
    }
    return column;
  }

  private rotate(column: number[], length: number): void {
    this.rotations.forEach(([c, s], k) => {
      const upper = c * column[k] + s * column[k + 1];
      column[k + 1] = -s * column[k] + c * column[k + 1];
      column[k] = upper;
    });
    const last = column.length - 1;
    const hypotenuse = Math.hypot(column[last], length);
    const [c, s] = hypotenuse > 0 ? [column[last] / hypotenuse, length / hypotenuse] : [1, 0];
    column[last] = hypotenuse;
    this.rotations.push([c, s]);
    this.R.push(column);
    this.g.push(-s * this.g[last]);
    this.g[last] *= c;
    this.residual = Math.abs(this.g[last + 1]);
  }

  /** Z y with R y = g. */
  correction(): Float64Array {
    const y = new Array<number>(this.steps).fill(0);
    for (let k = this.steps - 1; k >= 0; k--) {
      let sum = this.g[k];
      for (let j = k + 1; j < this.steps; j++) sum -= this.R[j][k] * y[j];
      y[k] = this.R[k][k] !== 0 ? sum / this.R[k][k] : 0;
    }
    const result = new Float64Array(this.V[0].length);
    this.Z.forEach((z, k) => {
      for (let i = 0; i < result.length; i++) result[i] += y[k] * z[i];
    });
    return result;
  }
}

function residualOf(product: LinearMap, b: Float64Array, x: Float64Array): Float64Array {
  const rest = product(x);
  for (let i = 0; i < rest.length; i++) rest[i] = b[i] - rest[i];
  return rest;
}

function norm(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

function largestEntry(values: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}
