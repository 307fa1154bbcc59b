import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type AdmmGeometry, admmGeometry } from "./geometry.ts";

/** Items `first` to `first + count - 1` of a batch, which share Q, A and G and so every factor. */
export interface AdmmGroup {
  readonly first: number;
  readonly count: number;
  readonly geometry: AdmmGeometry;
}

/**
 * Geometries of earlier calls with shared Q, A, G, for a layer that is called with the same ones again and again. The
 * *contents* are compared with a copy, so that data changed in place are noticed.
 */
export class GeometryCache {
  private Q = new Float64Array();
  private A = new Float64Array();
  private G = new Float64Array();
  private geometry: AdmmGeometry | null = null;

  geometryOf(problem: QuadraticProgram): AdmmGeometry {
    const { Q, A, G } = problem;
    const { geometry } = this;
    const fits = geometry !== null && geometry.n === problem.n && geometry.p === problem.p;
    if (fits && same(this.Q, Q.values) && same(this.A, A.values) && same(this.G, G.values)) return geometry;
    this.Q = Q.values.slice();
    this.A = A.values.slice();
    this.G = G.values.slice();
    this.geometry = admmGeometry({ ...problem, Q: { ...Q, values: this.Q } }, 0);
    return this.geometry;
  }
}

function same(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}

/** The groups of a batch: one where Q, A and G are all shared, otherwise one an item. */
export function* admmGroups(problem: QuadraticProgram, cache: GeometryCache): Generator<AdmmGroup> {
  if (sharesMatrices(problem)) {
    yield { first: 0, count: problem.batch, geometry: cache.geometryOf(problem) };
    return;
  }
  for (let i = 0; i < problem.batch; i++) yield { first: i, count: 1, geometry: admmGeometry(problem, i) };
}

function sharesMatrices({ Q, A, G }: QuadraticProgram): boolean {
  return !Q.batched && !A.batched && !G.batched;
}

/** q of every item of the group, one row each. */
export function linearTermsOf(problem: QuadraticProgram, { first, count }: AdmmGroup): Float64Array {
  const F = new Float64Array(count * problem.n);
  for (let i = 0; i < count; i++) F.set(itemOf(problem.q, first + i), i * problem.n);
  return F;
}

/** The scaled right-hand sides E [b; h] of every item of the group, one row each. */
export function boundsOf(problem: QuadraticProgram, { first, count, geometry }: AdmmGroup): Float64Array {
  const { r, p, scale } = geometry;
  const k = new Float64Array(count * r);
  for (let i = 0; i < count; i++) {
    k.set(itemOf(problem.b, first + i), i * r);
    k.set(itemOf(problem.h, first + i), i * r + p);
    for (let j = 0; j < r; j++) k[i * r + j] *= scale[j];
  }
  return k;
}

/** ADMM's state t = (nu, w), w = lambda - rho s, of the group's items in a given point, scaled. */
export function stateAt(
  point: { readonly nu: Float64Array; readonly lambda: Float64Array; readonly s: Float64Array },
  { first, count, geometry }: AdmmGroup,
  rho: number,
): Float64Array {
  const { r, p, scale } = geometry;
  const m = r - p;
  const t = new Float64Array(count * r);
  for (let i = 0; i < count; i++) {
    const item = first + i;
    for (let j = 0; j < p; j++) t[i * r + j] = point.nu[item * p + j] / scale[j];
    for (let j = 0; j < m; j++) {
      const e = scale[p + j];
      t[i * r + p + j] = point.lambda[item * m + j] / e - rho * e * point.s[item * m + j];
    }
  }
  return t;
}
