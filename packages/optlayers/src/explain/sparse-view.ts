import { addProduct, type SparseMatrix } from "@solvegrad/linalg";
import { concatenated, maxAbs } from "../arrays.ts";
import { sparseImplicitJvp } from "../differentiate/sparse-implicit.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { activeBounds } from "../solvers/sparse/active-bounds.ts";
import { AT_HIGH, AT_LOW } from "../solvers/sparse/active-set.ts";
import type { SparseCertificate } from "../solvers/sparse/certificates.ts";
import type { SparseState } from "../solvers/sparse/kkt-system.ts";
import { directionOf, type ExplanationNames, type ItemView, type Side, sidesOfBox } from "./side.ts";

/** A point, with what its solver left behind for a derivative, and its proof where it is no solution. */
export type SolvedItem = SparsePoint & { readonly state?: SparseState; readonly certificate: SparseCertificate | null };

/** A sparse QP: p rows Ax = b, m rows l <= Gx <= u, and n rows lower <= x <= upper. */
export function sparseView(problem: SparseQuadraticProgram, solution: SolvedItem, names: ExplanationNames): ItemView {
  const { n, p, m } = problem;
  const { active } = activeBounds(problem, solution);
  const { certificate } = solution;
  return {
    weightOf: certificate?.kind === "primal_infeasible" ? (side) => weightIn(certificate, side, problem) : null,
    descent: certificate?.kind === "dual_infeasible" ? { direction: certificate.direction, q: problem.q } : null,
    sides: [
      ...sidesOf(equalities(problem, solution, names), active.subarray(n, n + p)),
      ...sidesOf(inequalities(problem, solution, names), active.subarray(n + p)),
      ...sidesOf(variables(problem, solution, names), active.subarray(0, n)),
    ],
    linear: true,
    along(moved) {
      const direction = directionOf(moved, (datum) => (datum === "b" ? p : datum === "l" || datum === "u" ? m : n));
      const { x, nu, lambda, zeta } = sparseImplicitJvp(problem, solution, direction).tangent;
      const values = new Float64Array(p + m + n);
      addProduct(1, problem.A, x, values.subarray(0, p));
      addProduct(1, problem.G, x, values.subarray(p, p + m));
      values.set(x, p + m);
      return { values, duals: concatenated(nu, lambda, zeta) };
    },
  };
}

/** Rows of one group: the first of them is row `first` of the item. */
interface Group {
  readonly first: number;
  readonly name: (i: number) => string;
  readonly values: Float64Array;
  readonly sizes: Float64Array;
  readonly duals: Float64Array;
  readonly low: { readonly datum: string; readonly values: Float64Array };
  readonly high: { readonly datum: string; readonly values: Float64Array };
}

function equalities({ A, b }: SparseQuadraticProgram, { x, nu }: SparsePoint, names: ExplanationNames): Group {
  const bound = { datum: "b", values: b };
  const name = (i: number) => names.equalities?.[i] ?? `A[${i}]`;
  return { first: 0, name, ...rowsOf(A, x), duals: nu, low: bound, high: bound };
}

function inequalities(
  { p, G, l, u }: SparseQuadraticProgram,
  { x, lambda }: SparsePoint,
  names: ExplanationNames,
): Group {
  const [low, high] = [
    { datum: "l", values: l },
    { datum: "u", values: u },
  ];
  const name = (i: number) => names.inequalities?.[i] ?? `G[${i}]`;
  return { first: p, name, ...rowsOf(G, x), duals: lambda, low, high };
}

function variables(
  { n, p, m, lower, upper }: SparseQuadraticProgram,
  { x, zeta }: SparsePoint,
  names: ExplanationNames,
): Group {
  const [low, high] = [
    { datum: "lower", values: lower },
    { datum: "upper", values: upper },
  ];
  const name = (j: number) => names.variables?.[j] ?? `x[${j}]`;
  return { first: p + m, name, values: x, sizes: new Float64Array(n).fill(maxAbs(x)), duals: zeta, low, high };
}

/** Mx, and the largest term that each entry of it is the sum of. */
function rowsOf(M: SparseMatrix, x: Float64Array): Pick<Group, "values" | "sizes"> {
  const values = new Float64Array(M.shape[0]);
  const sizes = new Float64Array(M.shape[0]);
  addProduct(1, M, x, values);
  for (let j = 0; j < M.shape[1]; j++) {
    for (let k = M.indptr[j]; k < M.indptr[j + 1]; k++) {
      sizes[M.indices[k]] = Math.max(sizes[M.indices[k]], Math.abs(M.data[k] * x[j]));
    }
  }
  return { values, sizes };
}

function sidesOf({ first, name, values, sizes, duals, low, high }: Group, active: Uint8Array): Side[] {
  return Array.from(values, (value, i) => {
    const held = active[i] === AT_LOW ? "low" : active[i] === AT_HIGH ? "high" : "none";
    const row = { constraint: name(i), row: first + i, index: i, value, size: sizes[i], dual: duals[i], held } as const;
    const [lowBound, highBound] = [low, high].map((side) => ({ datum: side.datum, bound: side.values[i] }));
    return sidesOfBox(row, lowBound, highBound);
  }).flat();
}

/** A multiplier counts for the bound that it pushes against; where two bounds cross, they contradict each other alone. */
function weightIn(
  certificate: SparseCertificate & { kind: "primal_infeasible" },
  { row, relation }: Side,
  { n, p, m }: SparseQuadraticProgram,
): number {
  if ("crossed" in certificate) {
    const crossed = certificate.crossed < n ? p + m + certificate.crossed : p + certificate.crossed - n;
    return row === crossed ? (relation === ">=" ? -1 : 1) : 0;
  }
  const { nu, lambda, zeta } = certificate;
  const multiplier = row < p ? nu[row] : row < p + m ? lambda[row - p] : zeta[row - p - m];
  return relation === "=" || multiplier > 0 === (relation === "<=") ? multiplier : 0;
}
