import type { Certificate, DifferentiationReport, Status, Vjp } from "@solvegrad/optlayers";
import { exitCodes } from "../exit.ts";
import type { Answer, Problem } from "../input/problem-kinds.ts";
import type { StatedProblem } from "../input/stated-problem.ts";
import { finiteOrNull, type Nested, nested } from "./nested.ts";

/** One value for a single problem, a list with one value an item for a batch. */
type PerItem<T> = T | T[];

/**
 * What `solve --json` prints. Items without a solution have null in place of their numbers; items that did not converge
 * have the last iterate's, with its residuals.
 */
export interface SolveReport {
  readonly status: PerItem<Status>;
  readonly x: Nested;
  readonly nu: Nested;
  readonly lambda: Nested;
  readonly objective: PerItem<number | null>;
  readonly residuals: Record<"primal" | "dual" | "gap", PerItem<number | null>>;
  readonly iterations: PerItem<number>;
  readonly milliseconds: number;
  readonly gradient?: Readonly<Record<string, Nested>>;
  readonly differentiation?: { rule: string } & DifferentiationReport;
  readonly certificate?: PerItem<Record<string, Nested | string> | null>;
}

/** Gathers a solution, and its gradients where there are any, in the form that is printed. */
export function solveReport(stated: StatedProblem, { solution, rule, vjp }: Answer): SolveReport {
  const program = stated.problem;
  const items = Array.from({ length: program.batch }, (_, i) => i);
  const perItem = <T>(value: (i: number) => T): PerItem<T> => (program.batched ? items.map(value) : value(0));
  const hasPoint = (i: number) => !isInfeasible(solution.status[i]);
  const rows = (values: Float64Array, size: number) =>
    perItem((i) => (hasPoint(i) ? nested(values, [size], i * size) : null));
  const numbers = (values: Float64Array) => perItem((i) => (hasPoint(i) ? finiteOrNull(values[i]) : null));
  const { primal, dual, gap } = solution.residuals;
  return {
    status: perItem((i) => solution.status[i]),
    x: rows(solution.x, program.n),
    nu: rows(solution.nu, program.p),
    lambda: rows(solution.lambda, program.m),
    objective: numbers(solution.objective),
    residuals: { primal: numbers(primal), dual: numbers(dual), gap: numbers(gap) },
    iterations: perItem((i) => solution.iterations[i]),
    milliseconds: solution.milliseconds,
    ...(vjp && { gradient: gradients(stated, vjp), differentiation: { rule, ...vjp.report } }),
    ...(solution.certificates.some(Boolean) && {
      certificate: perItem((i) => certificateJson(solution.certificates[i])),
    }),
  };
}

function gradients({ problem, names, repeated }: StatedProblem, vjp: Vjp<string>): Record<string, Nested> {
  const gradient = (name: string): [string, Nested] => {
    const datum = problem.data[name];
    const values = vjp.gradients[name] ?? new Float64Array();
    if (name === repeated) return [name, nested(sumOfItems(values, problem), datum.shape)];
    return [name, nested(values, datum.batched ? [problem.batch, ...datum.shape] : datum.shape)];
  };
  return Object.fromEntries(names.map(gradient));
}

function sumOfItems(values: Float64Array, { n, batch }: Problem): Float64Array {
  const sum = new Float64Array(n);
  for (let i = 0; i < batch; i++) for (let j = 0; j < n; j++) sum[j] += values[i * n + j];
  return sum;
}

function certificateJson(certificate: Certificate | null): Record<string, Nested | string> | null {
  if (certificate === null) return null;
  const list = (values: Float64Array) => nested(values, [values.length]);
  if (certificate.kind === "dual_infeasible") {
    return { kind: certificate.kind, direction: list(certificate.direction) };
  }
  return { kind: certificate.kind, nu: list(certificate.nu), lambda: list(certificate.lambda) };
}

/** The exit code of a batch is that of its worst item: no solution, then not converged, then solved. */
export function exitCodeOf(status: readonly Status[]): number {
  if (status.some(isInfeasible)) return exitCodes.infeasible;
  return status.every((s) => s === "solved") ? exitCodes.solved : exitCodes.notConverged;
}

function isInfeasible(status: Status): boolean {
  return status === "primal_infeasible" || status === "dual_infeasible";
}
