import type { Datum, LinearConstraints } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";
import { type AdjointPoint, type CotangentTable, pullBackBy, usableRows } from "./pullback.ts";
import { pushForwardBy, type TangentTable } from "./pushforward.ts";
import type { Cotangent, DifferentiationReport, DifferentiationRule } from "./rule.ts";
import { timesSize, unitCotangent } from "./unit-cotangent.ts";

/** How the data of problems of the kind P enter their KKT conditions. */
export interface KktTables<P, N extends string> {
  readonly names: readonly N[];
  readonly cotangents: CotangentTable<P, N>;
  readonly tangents: TangentTable<P, N>;
}

/** The solution of the KKT systems of all items for one right-hand side, zero at items that may not be used. */
export interface KktAnswer {
  readonly adjoint: AdjointPoint;
  readonly report: Omit<DifferentiationReport, "milliseconds">;
}

/** (u, y, w) with K (u, y, w) = (x, nu, lambda of the active rows) of the right-hand side, K the KKT matrix at the solution. */
export type KktSolve<P> = (problem: P, solution: Solution, rhs: Cotangent) => KktAnswer;

/** A rule that has both products. */
export type KktRule<P, N extends string> = DifferentiationRule<P, N> &
  Required<Pick<DifferentiationRule<P, N>, "vjp" | "jvp">>;

/**
 * The rule of a solve with the symmetric KKT matrix K of the active constraints,
 *
 *     vjp(c) = -(data part of the KKT conditions)' K^-1 c,    jvp(t) = -K^-1 (data part) t,
 *
 * one solve each, and transposes of each other as exactly as the solve is symmetric. A rule may solve in another way for tangents.
 */
export function kktRule<N extends string, P extends LinearConstraints & Readonly<Record<N, Datum>>>(
  name: string,
  { names, cotangents, tangents }: KktTables<P, N>,
  solve: KktSolve<P>,
  solveForTangents: KktSolve<P> = solve,
): KktRule<P, N> {
  return {
    name,
    vjp(problem, solution, cotangent, { wanted = names } = {}) {
      const begin = performance.now();
      const { unit, size } = unitCotangent(cotangent);
      const { adjoint, report } = solve(problem, solution, unit);
      const rows = usableRows(problem, solution, adjoint);
      const gradients = timesSize(pullBackBy(cotangents, problem, rows, wanted), size);
      const bytes = wanted.reduce((sum, datum) => sum + 8 * (gradients[datum]?.length ?? 0), 0);
      return { gradients, report: timed(report, bytes, begin) };
    },
    jvp(problem, solution, directions) {
      const begin = performance.now();
      const rhs = pushForwardBy(tangents, problem, solution, directions);
      const { adjoint, report } = solveForTangents(problem, solution, rhs);
      const { u, y, w } = adjoint;
      const bytes = 8 * (u.length + y.length + w.length);
      return { tangent: { x: u, nu: y, lambda: w }, report: timed(report, bytes, begin) };
    },
  };
}

function timed(report: KktAnswer["report"], bytes: number, begin: number): DifferentiationReport {
  return { ...report, peakBytes: report.peakBytes + bytes, milliseconds: performance.now() - begin };
}
