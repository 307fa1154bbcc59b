import type { Differentiation } from "@solvegrad/models";
import { exitCodes } from "../exit.ts";
import { loadProblem } from "../input/load-problem.ts";
import { solveProgress } from "../output/solve-progress.ts";
import { exitCodeOf, solveReport } from "../output/solve-report.ts";
import { solveText } from "../output/solve-text.ts";
import { complain } from "../output/streams.ts";

export interface SolveCommandOptions {
  readonly differentiation: Differentiation;
  readonly tolerance: number;
  readonly cotangent?: string;
  /** Seconds. */
  readonly timeLimit?: number;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/**
 * `solvegrad solve`: reads a problem, prints its solution and the gradients of cotangent'x, returns the exit code: that of the
 * solution, or `notConverged` where a gradient was asked for and is not finite.
 */
export async function solveCommand(file: string, options: SolveCommandOptions): Promise<number> {
  const stated = await loadProblem(file, options.cotangent);
  const timeLimit = options.timeLimit === undefined ? Infinity : 1000 * options.timeLimit;
  const { onIteration, end } = solveProgress();
  const answer = stated.problem.answer(options, stated.cotangent, stated.names, { timeLimit, onIteration });
  end();
  const report = solveReport(stated, answer, options.explain === true);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : solveText(report));
  if (answer.failure !== undefined) complain(answer.failure);
  const exitCode = exitCodeOf(answer.solution.status);
  return exitCode === exitCodes.solved && answer.failure !== undefined ? exitCodes.notConverged : exitCode;
}
