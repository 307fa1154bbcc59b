import type { Solution } from "../solvers/solver.ts";

/** One item of a solution as a solution of its own; what the solver left behind for a rule is of the whole batch and stays there. */
export function itemOfSolution(solution: Solution, item: number): Solution {
  const { solver, milliseconds, status, certificates, residuals } = solution;
  const items = status.length;
  const row = (values: Float64Array) => {
    const width = values.length / items;
    return values.subarray(item * width, (item + 1) * width);
  };
  return {
    ...{ solver, milliseconds },
    x: row(solution.x),
    nu: row(solution.nu),
    lambda: row(solution.lambda),
    ...(solution.zeta && { zeta: row(solution.zeta) }),
    s: row(solution.s),
    objective: row(solution.objective),
    status: [status[item]],
    residuals: { primal: row(residuals.primal), dual: row(residuals.dual), gap: row(residuals.gap) },
    iterations: solution.iterations.subarray(item, item + 1),
    certificates: [certificates[item]],
  };
}
