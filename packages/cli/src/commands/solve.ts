import type { Differentiation } from "@solvegrad/models";
import { loadProblem } from "../input/load-problem.ts";
import { solveProgress } from "../output/solve-progress.ts";
import { exitCodeOf, solveReport } from "../output/solve-report.ts";
import { solveText } from "../output/solve-text.ts";

export interface SolveCommandOptions {
  readonly differentiation: Differentiation;
  readonly tolerance: number;
  readonly cotangent?: string;
  /** Seconds. */
  readonly timeLimit?: number;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** `solvegrad solve`: reads a problem, prints its solution and the gradients of cotangent'x, returns the exit code. */
export async function solveCommand(file: string, options: SolveCommandOptions): Promise<number> {
  const stated = await loadProblem(file, options.cotangent);
  const timeLimit = options.timeLimit === undefined ? Infinity : 1000 * options.timeLimit;
  const { onIteration, end } = solveProgress();
  const answer = stated.problem.answer(options, stated.cotangent, stated.names, { timeLimit, onIteration });
  end();
  const report = solveReport(stated, answer, options.explain === true);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : solveText(report));
  return exitCodeOf(answer.solution.status);
}
