import { activeKernels, transposed, view } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { LinearConstraints, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { dualProof, primalProof } from "../infeasibility-proof.ts";
import type { Certificate } from "../solver.ts";
import type { AdmmGeometry } from "./geometry.ts";

/**
 * Certificates from the changes of the iterates between two sweeps: where an item has no solution the change of the duals
 * tends to a proof of primal infeasibility, or the change of x to a direction of unboundedness (Banjac, Goulart,
 * Stellato, Boyd 2019, the rule of OSQP). Each candidate is checked against the data before it counts.
 */

/** A candidate must exclude every point up to this many times the size of the present x. */
const reach = 1e4;

/**
 * A'nu + G'lambda = 0, lambda >= 0, b'nu + h'lambda < 0 for the candidate y = (nu, lambda), scaled. What is left of
 * K'y bounds what it says: it excludes every x with |x|_1 < -k'y / |K'y|_inf. A candidate that
 * says enough is made a proof for the item; where that is not given, it is returned as it is.
 */
export function primalRayOf(
  geometry: AdmmGeometry,
  y: Float64Array,
  row: { readonly x: Float64Array; readonly k: Float64Array; readonly item?: () => LinearConstraints },
): Certificate | null {
  const { n, r, p, K, scale } = geometry;
  let value = 0;
  let size = 0;
  for (let j = 0; j < r; j++) {
    if (j >= p) y[j] = Math.max(y[j], 0);
    value += y[j] * row.k[j];
    size = Math.max(size, scale[j] * Math.abs(y[j]));
  }
  if (!(value < 0) || size === 0) return null;
  const left = new Float64Array(n);
  activeKernels().gemv(1, transposed(K), view(y, [r]), 0, view(left, [n]));
  if (!(-value > reach * maxAbs(left) * Math.max(1, sumAbs(row.x)))) return null;
  const original = y.map((entry, j) => (entry * scale[j]) / size);
  const [nu, lambda] = [original.slice(0, p), original.slice(p)];
  return row.item ? primalProof(row.item(), nu, lambda) : { kind: "primal_infeasible", nu, lambda };
}

/** Qd = 0, Ad = 0, Gd <= 0, q'd < 0 for the candidate d, each up to 1 / `reach` of the decrease it promises. */
export function directionOf(
  geometry: AdmmGeometry,
  d: Float64Array,
  { x, q, item }: { readonly x: Float64Array; readonly q: Float64Array; readonly item: () => QuadraticProgram },
): Certificate | null {
  const { n, r, p, Q, K, scale } = geometry;
  const size = maxAbs(d);
  if (!(size > 0)) return null;
  for (let j = 0; j < n; j++) d[j] /= size;
  let descent = 0;
  for (let j = 0; j < n; j++) descent += q[j] * d[j];
  if (!(descent < 0)) return null;
  const Qd = new Float64Array(n);
  const Kd = new Float64Array(r);
  activeKernels().gemv(1, Q, view(d, [n]), 0, view(Qd, [n]));
  activeKernels().gemv(1, K, view(d, [n]), 0, view(Kd, [r]));
  let violation = maxAbs(Qd);
  for (let j = 0; j < r; j++) violation = Math.max(violation, (j < p ? Math.abs(Kd[j]) : Kd[j]) / scale[j]);
  const allowed = -descent / (reach * Math.max(1, maxAbs(q)));
  return violation <= allowed && maxAbs(x) > 1 ? dualProof(item(), d) : null;
}

function sumAbs(values: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += Math.abs(values[j]);
  return sum;
}
