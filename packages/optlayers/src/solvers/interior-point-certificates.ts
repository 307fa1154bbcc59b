import { sizeOf } from "@solvegrad/linalg";
import { dot, maxAbs } from "../arrays.ts";
import { CondensedKkt } from "../kkt/condensed-kkt.ts";
import { allItems, applyDatum, applyTransposedDatum } from "../problem/products.ts";
import type { Datum, QuadraticProgram } from "../problem/quadratic-program.ts";
import { singleItem } from "../problem/select-items.ts";
import { iterate } from "./interior-point-iteration.ts";
import { polish } from "./interior-point-polish.ts";
import { coldStart } from "./interior-point-start.ts";
import type { Certificate } from "./solver.ts";

/** How exactly a certificate's homogeneous conditions must hold, relative to its data and to its value. */
const certificateTolerance = 1e-7;
const settings = { tolerance: 1e-9, maxIterations: 100 };

/**
 * A proof that item `i` has no solution, or null where none is found. Both proofs are the residual of a least-squares
 * problem that always has a solution, found by the interior-point method itself, and both are checked before they count.
 */
export function certificateOf(problem: QuadraticProgram, i: number, interrupted: () => boolean): Certificate | null {
  const single = singleItem(problem, i);
  return primalCertificate(single, interrupted) ?? dualCertificate(single, interrupted);
}

/**
 * The closest feasible relaxation: minimize 1/2 |r|^2 + 1/2 |v|^2 subject to Ax - r = b, Gx - v <= h. Its multipliers
 * are nu = r and lambda = v >= 0 with A'nu + G'lambda = 0 and b'nu + h'lambda = -|r|^2 - |v|^2: a proof of
 * infeasibility unless both vanish.
 */
function primalCertificate(problem: QuadraticProgram, interrupted: () => boolean): Certificate | null {
  const { n, p, m } = problem;
  if (p + m === 0) return null;
  const size = n + p + m;
  const Q = zeros(size, size);
  for (let i = n; i < size; i++) Q.values[i * (size + 1)] = 1;
  const A = zeros(p, size);
  const G = zeros(m, size);
  for (let i = 0; i < p; i++) {
    A.values.set(problem.A.values.subarray(i * n, (i + 1) * n), i * size);
    A.values[i * size + n + i] = -1;
  }
  for (let i = 0; i < m; i++) {
    G.values.set(problem.G.values.subarray(i * n, (i + 1) * n), i * size);
    G.values[i * size + n + p + i] = -1;
  }
  const relaxation = { ...problem, n: size, Q, q: zeros(size), A, G };
  const z = solutionOf(relaxation, interrupted);
  return checkedPrimal(
    problem,
    z.subarray(n, n + p),
    z.subarray(n + p).map((value) => Math.max(value, 0)),
  );
}

function checkedPrimal(problem: QuadraticProgram, nu: Float64Array, lambda: Float64Array): Certificate | null {
  const items = allItems(1);
  const size = Math.max(maxAbs(nu), maxAbs(lambda));
  const value = -dot(problem.b.values, nu) - dot(problem.h.values, lambda);
  const scale = 1 + Math.max(maxAbs(problem.b.values), maxAbs(problem.h.values));
  if (!(value > certificateTolerance * size * scale)) return null;
  const combination = new Float64Array(problem.n);
  if (problem.p > 0) applyTransposedDatum(1, problem.A, nu, 0, combination, items);
  if (problem.m > 0) applyTransposedDatum(1, problem.G, lambda, 1, combination, items);
  const rows = 1 + Math.max(maxAbs(problem.A.values), maxAbs(problem.G.values));
  if (!(maxAbs(combination) <= certificateTolerance * Math.min(size * rows, value))) return null;
  return { kind: "primal_infeasible", nu: nu.map((v) => v / value), lambda: lambda.map((v) => v / value) };
}

/**
 * The closest dual point: minimize 1/2 |e|^2 subject to Qx + A'nu + G'lambda + q = e, lambda >= 0. The direction
 * d = -e has Qd = 0, Ad = 0, Gd <= 0 and q'd = -|e|^2: a proof of unboundedness unless e vanishes.
 */
function dualCertificate(problem: QuadraticProgram, interrupted: () => boolean): Certificate | null {
  const { n, p, m } = problem;
  const size = 2 * n + p + m;
  const Q = zeros(size, size);
  for (let i = size - n; i < size; i++) Q.values[i * (size + 1)] = 1;
  const A = zeros(n, size);
  for (let r = 0; r < n; r++) {
    const row = A.values.subarray(r * size, (r + 1) * size);
    row.set(problem.Q.values.subarray(r * n, (r + 1) * n));
    for (let i = 0; i < p; i++) row[n + i] = problem.A.values[i * n + r];
    for (let i = 0; i < m; i++) row[n + p + i] = problem.G.values[i * n + r];
    row[n + p + m + r] = -1;
  }
  const G = zeros(m, size);
  for (let i = 0; i < m; i++) G.values[i * size + n + p + i] = -1;
  const closest: QuadraticProgram = {
    ...problem,
    n: size,
    p: n,
    Q,
    q: zeros(size),
    A,
    b: { ...zeros(n), values: problem.q.values.map((value) => -value) },
    G,
    h: zeros(m),
  };
  const z = solutionOf(closest, interrupted);
  return checkedDirection(
    problem,
    z.subarray(size - n).map((value) => -value),
  );
}

function checkedDirection(problem: QuadraticProgram, d: Float64Array): Certificate | null {
  const items = allItems(1);
  const size = maxAbs(d);
  const decrease = -dot(problem.q.values, d);
  if (!(decrease > certificateTolerance * size * (1 + maxAbs(problem.q.values)))) return null;
  const limit = (D: Datum) => certificateTolerance * Math.min(size * (1 + maxAbs(D.values)), decrease);
  const image = (D: Datum) => {
    const result = new Float64Array(D.shape[0]);
    applyDatum(1, D, d, 0, result, items);
    return result;
  };
  if (!(maxAbs(image(problem.Q)) <= limit(problem.Q))) return null;
  if (!(maxAbs(image(problem.A)) <= limit(problem.A))) return null;
  if (!image(problem.G).every((value) => value <= limit(problem.G))) return null;
  return { kind: "dual_infeasible", direction: d.map((value) => value / decrease) };
}

/** x of a single problem that has a solution. */
function solutionOf(problem: QuadraticProgram, interrupted: () => boolean): Float64Array {
  const method = new CondensedKkt(problem);
  const { point } = iterate(problem, method, coldStart(problem, method), { ...settings, interrupted });
  return polish(problem, method, point, () => true).point.x;
}

function zeros(...shape: number[]): Datum {
  return { values: new Float64Array(sizeOf(shape)), shape, batched: false };
}
