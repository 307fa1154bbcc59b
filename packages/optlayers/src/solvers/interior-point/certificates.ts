import { sizeOf } from "@solvegrad/linalg";
import { CondensedKkt } from "../../kkt/condensed-kkt.ts";
import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { singleItem } from "../../problem/select-items.ts";
import { dualProof, primalProof } from "../infeasibility-proof.ts";
import type { Certificate } from "../solver.ts";
import { iterate } from "./iteration.ts";
import { polish } from "./polish.ts";
import { coldStart } from "./start.ts";

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
  return primalProof(problem, z.subarray(n, n + p), z.subarray(n + p));
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
  return dualProof(
    problem,
    z.subarray(size - n).map((value) => -value),
  );
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
