import type {
  Certificate,
  DifferentiationReport,
  Explanation,
  Solution,
  SparseBatchSolution,
  SparseCertificate,
  Status,
  Vjp,
} from "@solvegrad/optlayers";
import { exitCodes } from "../exit.ts";
import type { Answer, Problem } from "../input/problem.ts";
import type { StatedProblem } from "../input/stated-problem.ts";
import { finiteOrNull, type Nested, nested } from "./nested.ts";

/** One value for a single problem, a list with one value an item for a batch. */
type PerItem<T> = T | T[];

/** The gradient of a matrix in compressed columns: on its pattern, in the form that it came in. */
export interface NestedColumns {
  readonly shape: readonly number[];
  readonly indptr: readonly number[];
  readonly indices: readonly number[];
  readonly data: Nested;
}

/**
 * What `solve --json` prints. Items without a solution have null in place of their numbers; items that did not converge
 * have the last iterate's, with its residuals.
 */
export interface SolveReport {
  readonly status: PerItem<Status>;
  readonly x: Nested;
  readonly nu: Nested;
  readonly lambda: Nested;
  /** The duals of simple bounds, where the problem has them. */
  readonly zeta?: Nested;
  readonly objective: PerItem<number | null>;
  readonly residuals: Record<"primal" | "dual" | "gap", PerItem<number | null>>;
  readonly iterations: PerItem<number>;
  readonly milliseconds: number;
  /** Of the entries of x, nu and lambda, where the file has names. */
  readonly names?: Record<"variables" | "equalities" | "inequalities", readonly string[]>;
  readonly gradient?: Readonly<Record<string, Nested | NestedColumns>>;
  readonly differentiation?: { rule: string } & DifferentiationReport;
  readonly certificate?: PerItem<Record<string, Nested | string> | null>;
  readonly explanation?: PerItem<Explanation>;
}

/** Gathers a solution, its gradients where there are any, and its explanation where it is wanted, in the form that is printed. */
export function solveReport(stated: StatedProblem, { solution, rule, vjp }: Answer, explained: boolean): SolveReport {
  const { problem: program, rowNames, maximize } = stated;
  const items = Array.from({ length: program.batch }, (_, i) => i);
  const perItem = <T>(value: (i: number) => T): PerItem<T> => (program.batched ? items.map(value) : value(0));
  const hasPoint = (i: number) => !isInfeasible(solution.status[i]);
  const rows = (values: Float64Array) => {
    const size = values.length / program.batch;
    return perItem((i) => (hasPoint(i) ? nested(values, [size], i * size) : null));
  };
  const numbers = (values: Float64Array) => perItem((i) => (hasPoint(i) ? finiteOrNull(values[i]) : null));
  const { primal, dual, gap } = solution.residuals;
  return {
    status: perItem((i) => solution.status[i]),
    x: rows(solution.x),
    nu: rows(solution.nu),
    lambda: rows(solution.lambda),
    ...(solution.zeta && { zeta: rows(solution.zeta) }),
    objective: numbers(maximize ? solution.objective.map((value) => 0 - value) : solution.objective),
    residuals: { primal: numbers(primal), dual: numbers(dual), gap: numbers(gap) },
    iterations: perItem((i) => solution.iterations[i]),
    milliseconds: solution.milliseconds,
    ...(rowNames && { names: namesOf(rowNames) }),
    ...(vjp && { gradient: gradients(stated, vjp), differentiation: { rule, ...vjp.report } }),
    ...(items.some((i) => proofOf(solution, i)) && {
      certificate: perItem((i) => certificateJson(proofOf(solution, i))),
    }),
    ...(explained && { explanation: perItem((i) => program.explain(solution, i, rowNames ?? {})) }),
  };
}

function namesOf({ variables = [], equalities = [], inequalities = [] }: NonNullable<StatedProblem["rowNames"]>) {
  return { variables, equalities, inequalities };
}

function gradients({ problem, names, repeated }: StatedProblem, vjp: Vjp<string>): SolveReport["gradient"] {
  const gradient = (name: string): [string, Nested | NestedColumns] => {
    const datum = problem.data[name];
    const values = vjp.gradients[name] ?? new Float64Array();
    if (name === repeated) return [name, nested(sumOfItems(values, problem), datum.shape)];
    if (name in problem.columns) return [name, onPattern(problem, name, values)];
    return [name, nested(values, datum.batched ? [problem.batch, ...datum.shape] : datum.shape)];
  };
  return Object.fromEntries(names.map(gradient));
}

function sumOfItems(values: Float64Array, { n, batch }: Problem): Float64Array {
  const sum = new Float64Array(n);
  for (let i = 0; i < batch; i++) for (let j = 0; j < n; j++) sum[j] += values[i * n + j];
  return sum;
}

function onPattern({ columns, data, batch }: Problem, name: string, values: Float64Array): NestedColumns {
  const { columns: stated, place } = columns[name];
  const { batched } = data[name];
  const items = batched ? batch : 1;
  const size = values.length / items;
  const count = stated.indices.length;
  const entries = Float64Array.from({ length: items * count }, (_, k) => {
    return values[Math.floor(k / count) * size + place(k % count)];
  });
  return {
    shape: stated.shape,
    indptr: [...stated.indptr],
    indices: [...stated.indices],
    data: nested(entries, batched ? [batch, count] : [count]),
  };
}

type Proof = Certificate | SparseCertificate;

/** The item's own proof, which for a sparse problem says more. */
function proofOf(solution: Solution, i: number): Proof | null {
  return "items" in solution ? (solution as SparseBatchSolution).items[i].certificate : solution.certificates[i];
}

function certificateJson(certificate: Proof | null): Record<string, Nested | string> | null {
  if (certificate === null) return null;
  const list = (values: Float64Array) => nested(values, [values.length]);
  if (certificate.kind === "dual_infeasible") {
    return { kind: certificate.kind, direction: list(certificate.direction) };
  }
  const { kind } = certificate;
  if ("crossed" in certificate) return { kind, crossed: certificate.crossed };
  const multipliers = { kind, nu: list(certificate.nu), lambda: list(certificate.lambda) };
  return "zeta" in certificate ? { ...multipliers, zeta: list(certificate.zeta) } : multipliers;
}

/** The exit code of a batch is that of its worst item: no solution, then not converged, then solved. */
export function exitCodeOf(status: readonly Status[]): number {
  if (status.some(isInfeasible)) return exitCodes.infeasible;
  return status.every((s) => s === "solved") ? exitCodes.solved : exitCodes.notConverged;
}

function isInfeasible(status: Status): boolean {
  return status === "primal_infeasible" || status === "dual_infeasible";
}
