import { type Assessment, isAssessed } from "./residuals.ts";
import { isUsable, type Solution, type Solver, type Status } from "./solver.ts";

/** The sizes of a problem's solution. */
interface Sizes {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly batch: number;
}

/** Relative residuals below this are as good as reported. */
const harmless = 1e-6;

/**
 * The same solver, whoever wrote it, but an item for which it claims success with a point whose residuals, recomputed from the data,
 * are larger than those that it reports has failed: `numerical_error`. A truncated solution that says how far it went is
 * one that may be used.
 */
export function withSecondOpinion<P extends Sizes>(
  solver: Solver<P>,
  assess: (problem: P, solution: Solution) => Pick<Assessment, "relative" | "residuals">,
): Solver<P> {
  return {
    name: solver.name,
    solve(problem, options) {
      const solution = solver.solve(problem, options);
      if (!hasShapeOf(problem, solution) || isAssessed(problem, solution)) return solution;
      const { relative, residuals } = assess(problem, solution);
      const status = solution.status.map((own, i): Status => {
        const isWorse = (["primal", "dual", "gap"] as const).some((kind) => {
          return residuals[kind][i] > 2 * (solution.residuals?.[kind][i] ?? 0);
        });
        return isUsable(own) && relative[i] > harmless && isWorse ? "numerical_error" : own;
      });
      return { ...solution, status };
    },
  };
}

function hasShapeOf({ n, p, m, batch }: Sizes, { status, x, nu, lambda }: Solution): boolean {
  const lengths = [status?.length, x?.length, nu?.length, lambda?.length];
  return lengths.every((length, k) => length === batch * [1, n, p, m][k]);
}
