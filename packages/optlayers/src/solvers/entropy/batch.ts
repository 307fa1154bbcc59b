import type { EntropyProgram } from "../../problem/entropy-program.ts";
import { countedFrom } from "../progress.ts";
import { judge } from "../residuals.ts";
import type { Certificate, IterationProgress, Solution, Status } from "../solver.ts";
import { type DataPoint, oneItem } from "./finish.ts";
import { entropyInfeasibility } from "./infeasibility.ts";
import { assessEntropy } from "./residuals.ts";

/** What became of one item, by the iteration's own account. */
export interface EntropicItemRun {
  readonly point: DataPoint;
  readonly iterations: number;
  readonly outcome: "converged" | "max_iterations" | "time_limit" | "numerical_error" | Certificate;
}

export type EntropicItemSolver = (
  single: EntropyProgram,
  i: number,
  onIteration: ((progress: IterationProgress) => void) | undefined,
) => EntropicItemRun;

export interface EntropicBatchSettings {
  readonly tolerance: number;
  readonly interrupted: () => boolean;
  readonly onIteration?: (progress: IterationProgress) => void;
}

/**
 * Solves the items of a batch one by one, judges them by residuals recomputed from the data, and looks for a proof that there
 * is no solution where one did not converge: `entropyInfeasibility`.
 */
export function solveEntropyItems(
  problem: EntropyProgram,
  solver: string,
  solveItem: EntropicItemSolver,
  { tolerance, interrupted, onIteration }: EntropicBatchSettings,
): Solution {
  const begin = performance.now();
  const { n, p, m, batch } = problem;
  const [x, nu, lambda, s] = [n, p, m, m].map((width) => new Float64Array(batch * width));
  const iterations = new Int32Array(batch);
  const outcome: Exclude<EntropicItemRun["outcome"], Certificate>[] = [];
  const certificates: (Certificate | null)[] = [];
  let spent = 0;
  for (let i = 0; i < batch; i++) {
    const single = oneItem(problem, i);
    const progress = countedFrom(spent, onIteration);
    const run = solveItem(
      single,
      i,
      progress && ((at) => progress({ ...at, unfinished: at.unfinished + batch - 1 - i })),
    );
    spent += run.iterations;
    iterations[i] = run.iterations;
    x.set(run.point.x, i * n);
    nu.set(run.point.nu, i * p);
    lambda.set(run.point.lambda, i * m);
    s.set(run.point.s, i * m);
    const { certificate, ended } = conclusion(single, run, interrupted);
    certificates.push(certificate);
    outcome.push(ended);
  }
  const { residuals, objective, relative } = assessEntropy(problem, { x, nu, lambda });
  const status = outcome.map(
    (own, i): Status =>
      certificates[i]?.kind ?? judge(relative[i], tolerance, own === "converged" ? "numerical_error" : own),
  );
  const milliseconds = performance.now() - begin;
  return { solver, x, nu, lambda, s, objective, status, residuals, iterations, milliseconds, certificates };
}

/** How an item ended, with the proof that it has no solution where there is one. */
function conclusion(single: EntropyProgram, { outcome }: EntropicItemRun, interrupted: () => boolean) {
  if (typeof outcome === "object") return { certificate: outcome, ended: "numerical_error" as const };
  if (outcome === "converged" || outcome === "time_limit") return { certificate: null, ended: outcome };
  const certificate = entropyInfeasibility(single, interrupted);
  return { certificate, ended: certificate === null && interrupted() ? ("time_limit" as const) : outcome };
}
