import { checkCount, checkPositive, checkRelaxation, checkTimeLimit } from "../check-options.ts";
import type { EntropyProgram } from "../problem/entropy-program.ts";
import { runEntropicAdmm } from "./entropic-admm-iteration.ts";
import { entropyItem } from "./entropy-item.ts";
import { assessEntropy } from "./entropy-residuals.ts";
import { judge } from "./residuals.ts";
import type { Solution, Solver, Status } from "./solver.ts";

export interface EntropicAdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assess` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation in (0, 2); 1 is the iteration of the paper. Default 1.6. */
  readonly relaxation?: number;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/** What ADMM leaves for the alternating rule: the penalty, for rows scaled to a largest entry of 1, that each item ended with. */
export class EntropicAdmmState {
  readonly problem: EntropyProgram;
  readonly rho: readonly number[];

  constructor(problem: EntropyProgram, rho: readonly number[]) {
    this.problem = problem;
    this.rho = rho;
  }
}

/**
 * ADMM for entropy programs with Newton's method in the update of x (Alt-Diff, sections 4.2 and B.1; `runEntropicAdmm`). x
 * is positive at every iteration. It stops on the residuals of the KKT conditions. It has no proof of infeasibility: an
 * infeasible item ends as `max_iterations`; `entropicInteriorPoint` tells.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function entropicAdmm(options: EntropicAdmmOptions = {}): Solver<EntropyProgram> {
  const { tolerance = 1e-6, relaxation = 1.6, maxIterations = 10_000, timeLimit = Infinity } = options;
  checkPositive("tolerance", tolerance);
  checkRelaxation(relaxation);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return {
    name: "entropic ADMM",
    solve(problem, { signal } = {}) {
      const begin = performance.now();
      const interrupted = () => signal?.aborted === true || performance.now() > begin + timeLimit;
      const settings = { tolerance: tolerance / 4, relaxation, maxIterations, interrupted };
      const found = solveItems(problem, settings);
      const { residuals, objective, relative } = assessEntropy(problem, found.point);
      const status = found.outcome.map((own, i): Status => {
        return judge(relative[i], tolerance, own === "converged" ? "numerical_error" : own);
      });
      return {
        solver: "entropic ADMM",
        ...found.point,
        objective,
        status,
        residuals,
        iterations: found.iterations,
        milliseconds: performance.now() - begin,
        certificates: status.map(() => null),
        state: new EntropicAdmmState(problem, found.rho),
      };
    },
  };
}

function solveItems(problem: EntropyProgram, settings: Parameters<typeof runEntropicAdmm>[1]) {
  const { n, p, m, batch } = problem;
  const [x, nu, lambda, s] = [n, p, m, m].map((width) => new Float64Array(batch * width));
  const point: Pick<Solution, "x" | "nu" | "lambda" | "s"> = { x, nu, lambda, s };
  const iterations = new Int32Array(batch);
  const outcome: ReturnType<typeof runEntropicAdmm>["outcome"][] = [];
  const rho: number[] = [];
  for (let i = 0; i < batch; i++) {
    const item = entropyItem(problem, i);
    const run = runEntropicAdmm(item, settings);
    x.set(run.point.x, i * n);
    for (let row = 0; row < p; row++) nu[i * p + row] = item.scale[row] * run.point.z[row];
    for (let row = 0; row < m; row++) {
      lambda[i * m + row] = item.scale[p + row] * run.point.z[p + row];
      s[i * m + row] = run.point.s[row] / item.scale[p + row];
    }
    iterations[i] = run.iterations;
    outcome.push(run.outcome);
    rho.push(run.rho);
  }
  return { point, iterations, outcome, rho };
}
