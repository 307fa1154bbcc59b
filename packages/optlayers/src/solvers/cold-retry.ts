import type { Solution, SolveOptions, Solver } from "./solver.ts";

/** Milliseconds that a second solve has at least. */
const leastTime = 1e-3;

/**
 * The solver, but for starts that lead it astray: where an earlier solution (of another problem, say, or with numbers beyond all
 * measure) ends in a breakdown of the arithmetic, the problem is solved without it, in the time that is left. The iterations are then
 * those from the cold start.
 */
export function withColdRetry<P, S extends Solution>(solver: Solver<P, S>): Solver<P, S> {
  return {
    name: solver.name,
    solve(problem, options = {}) {
      const begin = performance.now();
      const first = solver.solve(problem, options);
      if (!options.warmStart || !first.status.includes("numerical_error")) return first;
      return solver.solve(problem, coldOptions(options, performance.now() - begin));
    },
  };
}

function coldOptions({ timeLimit, warmStart: _, ...rest }: SolveOptions, spent: number): SolveOptions {
  return timeLimit === undefined ? rest : { ...rest, timeLimit: Math.max(timeLimit - spent, leastTime) };
}
