import { type Differentiation, layerMethod } from "@solvegrad/models";
import { isUsable } from "@solvegrad/optlayers";
import { readProblem } from "../input/problem-file.ts";
import { toProgram } from "../input/to-program.ts";
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
  const problem = toProgram(stated);
  const { solver, differentiation } = layerMethod(options.differentiation, { tolerance: options.tolerance });
  const solution = solver.solve(problem.program);
  const differentiable = problem.cotangent !== null && solution.status.some(isUsable);
  const vjp = differentiable
    ? differentiation.vjp(problem.program, solution, { x: problem.cotangent }, { wanted: problem.names })
    : null;
  const report = solveReport(problem, solution, differentiation.name, vjp);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : solveText(report));
  return exitCodeOf(solution.status);
}
