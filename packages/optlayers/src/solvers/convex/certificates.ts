import { maxAbs } from "../../arrays.ts";
import { type ConvexProgram, smoothObjective } from "../../problem/convex-program.ts";
import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import { interiorPoint } from "../interior-point.ts";
import type { Certificate } from "../solver.ts";
import { startModel } from "./model.ts";

/**
 * A proof that item i has no solution, null where none is found: nu and lambda that no x satisfies its constraints, or a
 * direction d with Ad = 0, Gd <= 0 along which f falls without end. `x` is where a solver ended (all items, row by row): where it
 * went from the start, and where f falls from there, are the candidates for d.
 */
export function convexCertificate(program: ConvexProgram, x: Float64Array, i: number): Certificate | null {
  const { n } = program;
  const { x: start, at } = startModel(program);
  const rows = (values: Float64Array) => values.subarray(i * n, (i + 1) * n);
  const travelled = rows(x).map((value, j) => value - rows(start)[j]);
  const nearest = nearestDirection(program, i, rows(start), false);
  const infeasible = interiorPoint().solve(nearest).certificates[0];
  if (infeasible?.kind === "primal_infeasible") return infeasible;
  for (const candidate of [travelled, rows(at.gradient).map((value) => -value)]) {
    const size = maxAbs(candidate);
    if (!(size > 0 && size < Infinity)) continue;
    const wish = candidate.map((value) => value / size);
    const found = interiorPoint().solve(nearestDirection(program, i, wish, true));
    if (found.status[0] !== "solved") continue;
    if (fallsWithoutEnd(program, i, found.x)) return { kind: "dual_infeasible", direction: found.x };
  }
  return null;
}

/** minimize 1/2 |z - wish|^2 under the item's constraints, with b = h = 0 for the directions that never leave them. */
function nearestDirection(
  { n, p, m, A, b, G, h }: ConvexProgram,
  i: number,
  wish: Float64Array,
  homogeneous: boolean,
): QuadraticProgram {
  const identity = new Float64Array(n * n);
  for (let k = 0; k < identity.length; k += n + 1) identity[k] = 1;
  const datum = (values: Float64Array, ...shape: number[]) => ({ values, shape, batched: false });
  const right = (values: Float64Array) => (homogeneous ? new Float64Array(values.length) : values);
  return {
    kind: "qp",
    ...{ n, p, m, batch: 1, batched: false },
    Q: datum(identity, n, n),
    q: datum(
      wish.map((value) => -value),
      n,
    ),
    A: datum(itemOf(A, i), p, n),
    b: datum(right(itemOf(b, i)), p),
    G: datum(itemOf(G, i), m, n),
    h: datum(right(itemOf(h, i)), m),
  };
}

/** A direction shorter than this share of the candidate is what rounding leaves of one that leaves the constraints. */
const shortest = 1e-6;
/** How far f is followed: four decades at a time. */
const reaches = [1, 1e4, 1e8, 1e12];

/**
 * Whether f falls along d by as much every four decades as over the four before: linearly, by the logarithm, any way that has no limit
 * in sight. A function with a lower bound that it only tends to (exp(-x), 1/x) gains less and less.
 */
function fallsWithoutEnd(program: ConvexProgram, i: number, d: Float64Array): boolean {
  const { n } = program;
  if (!(maxAbs(d) > shortest)) return false;
  const objective = smoothObjective(program);
  const { x: start } = startModel(program);
  const values = reaches.map((reach) => {
    const far = start.slice();
    for (let j = 0; j < n; j++) far[i * n + j] += reach * d[j];
    return objective.value(far)[i];
  });
  const falls = values.slice(1).map((value, k) => values[k] - value);
  return falls.every((fall, k) => fall > 0 && fall < Infinity && (k === 0 || fall >= 0.9 * falls[k - 1]));
}
