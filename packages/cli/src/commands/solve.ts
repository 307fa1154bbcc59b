import type { Differentiation } from "@solvegrad/models";
import { readProblem } from "../input/problem-file.ts";
import { statedProblem } from "../input/stated-problem.ts";
import { exitCodeOf, solveReport } from "../output/solve-report.ts";
import { solveText } from "../output/solve-text.ts";
import { complain } from "../output/streams.ts";

export interface SolveCommandOptions {
  readonly differentiation: Differentiation;
  readonly tolerance: number;
  readonly json?: boolean;
}

/** `solvegrad solve`: reads a problem, prints its solution and the gradients of cotangent'x, returns the exit code. */
export async function solveCommand(file: string, options: SolveCommandOptions): Promise<number> {
  const stated = await readProblem(file);
  for (const field of stated.unknownFields)
    complain(`warning: the field ${JSON.stringify(field)} means nothing and is ignored`);
  const problem = statedProblem(stated);
  const answer = problem.problem.answer(options, problem.cotangent, problem.names);
  const report = solveReport(problem, answer);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : solveText(report));
  return exitCodeOf(answer.solution.status);
}
