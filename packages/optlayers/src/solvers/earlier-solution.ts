import type { KktMethod } from "../kkt/kkt-method.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { type Polished, polish } from "./interior-point/polish.ts";
import type { ResidualUnits } from "./residual-units.ts";
import { assess } from "./residuals.ts";
import type { Solution } from "./solver.ts";

/** How well an earlier solution must do, and how to solve the systems of its active rows; null: not at all. */
interface Acceptance {
  readonly tolerance: number;
  readonly units: ResidualUnits;
  readonly method: (() => KktMethod) | null;
}

/**
 * The earlier solution where it satisfies the KKT conditions of this problem, else the point on its active rows, which the
 * solution of a nearby problem mostly shares (`polish`). The relative residuals say which items that solves. Null for a
 * solution of other shapes, or with parts missing. It may be of any solver.
 */
export function fromEarlier(
  problem: QuadraticProgram,
  { x, nu, lambda, s }: Partial<Solution>,
  { tolerance, units, method }: Acceptance,
): Polished | null {
  const { n, p, m, batch } = problem;
  if (!(x && nu && lambda && s)) return null;
  const lengths = [x.length, nu.length, lambda.length, s.length];
  if (lengths.some((length, k) => length !== batch * [n, p, m, m][k])) return null;
  const point = { x, nu, lambda: lambda.map((value) => Math.max(value, 0)), s: s.map((value) => Math.max(value, 0)) };
  const { relative } = assess(problem, point, units);
  if (method === null || relative.every((own) => own <= tolerance)) {
    return { point, relative, steps: new Int32Array(batch) };
  }
  return polish(problem, method(), point, (_item, own) => own > tolerance, units);
}
