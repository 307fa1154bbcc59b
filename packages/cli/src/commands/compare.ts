import { writeAtomically } from "@solvegrad/models";
import type { QuadraticProgram } from "@solvegrad/optlayers";
import { compareProblem } from "../comparison/compare-problem.ts";
import { comparisonText } from "../comparison/table.ts";
import { exitCodes, InputError } from "../exit.ts";
import { readProblem } from "../input/problem-file.ts";
import { randomProblem, randomSizes } from "../input/random-problem.ts";
import { reasonOf, sourceName } from "../input/read-text.ts";
import { statedProblem } from "../input/stated-problem.ts";
import { exitCodeOf } from "../output/solve-report.ts";
import { complain } from "../output/streams.ts";
import { comparisonPage } from "../report/comparison-page.ts";
import { information } from "./info.ts";

export interface CompareCommandOptions {
  readonly random?: string;
  readonly seed: number;
  readonly html?: string;
  readonly json?: boolean;
}

interface Subject {
  readonly name: string;
  readonly program: QuadraticProgram;
  readonly cotangent: Float64Array;
}

/** `solvegrad compare`: the gradients of cotangent'x by the three rules, beside each other. Returns the exit code. */
export async function compareCommand(file: string | undefined, options: CompareCommandOptions): Promise<number> {
  const started = new Date();
  const { name, program, cotangent } = await subjectOf(file, options);
  const comparison = await compareProblem(program, cotangent);
  if (comparison === null) return exitCodes.interrupted;
  if (options.html !== undefined) {
    writePage(options.html, comparisonPage({ subject: name, started, machine: information(), comparison }));
  }
  process.stdout.write(options.json ? `${JSON.stringify(comparison)}\n` : `${name}: ${comparisonText(comparison)}\n`);
  return exitCodeOf(comparison.status);
}

async function subjectOf(file: string | undefined, options: CompareCommandOptions): Promise<Subject> {
  if (options.random !== undefined) {
    if (file !== undefined) throw new InputError("a file and --random were given, expected one of them");
    const sizes = randomSizes(options.random);
    return { name: `A random QP (seed ${options.seed})`, ...randomProblem(sizes, options.seed) };
  }
  if (file === undefined) throw new InputError("no problem was given, expected a file, - or --random n,m,p");
  const stated = await readProblem(file);
  for (const field of stated.unknownFields)
    complain(`warning: the field ${JSON.stringify(field)} means nothing and is ignored`);
  const { problem, cotangent } = statedProblem(stated);
  if (problem.quadratic === null) {
    throw new InputError(
      `${sourceName(file)}: problems of kind "${stated.kind}" cannot be compared by this version, only "qp" and "sparsemax"`,
    );
  }
  const program = problem.quadratic();
  return { name: `The problem of ${sourceName(file)}`, program, cotangent: cotangent ?? ones(program) };
}

/** The cotangent of sum(x), for a file without one. */
function ones({ batch, n }: QuadraticProgram): Float64Array {
  return new Float64Array(batch * n).fill(1);
}

function writePage(file: string, page: string): void {
  try {
    writeAtomically(file, page);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${reasonOf(error)}`);
  }
}
