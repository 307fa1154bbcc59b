import { writeAtomically } from "@solvegrad/models";
import { OptimizationError, type Status } from "@solvegrad/optlayers";
import { type CompareOptions, type Comparison, compareProblem } from "../comparison/compare-problem.ts";
import { comparisonText } from "../comparison/table.ts";
import { exitCodes, InputError } from "../exit.ts";
import { loadProblem } from "../input/load-problem.ts";
import { randomProblem, randomSizes } from "../input/random-problem.ts";
import { reasonOf, sourceName } from "../input/read-text.ts";
import { exitCodeOf } from "../output/solve-report.ts";
import { complain } from "../output/streams.ts";
import { comparisonPage } from "../report/comparison-page.ts";
import { information } from "./info.ts";

export interface CompareCommandOptions {
  readonly random?: string;
  readonly seed: number;
  readonly rules?: readonly string[];
  readonly cotangent?: string;
  /** Seconds. */
  readonly timeLimit: number;
  readonly html?: string;
  readonly json?: boolean;
}

interface Subject {
  readonly name: string;
  readonly compare: (options: CompareOptions) => Promise<Comparison | null>;
}

/** `solvegrad compare`: the gradients of cotangent'x by several rules, beside each other. Returns the exit code. */
export async function compareCommand(file: string | undefined, options: CompareCommandOptions): Promise<number> {
  const started = new Date();
  const { name, compare } = await subjectOf(file, options);
  const comparison = await compare({ rules: options.rules, timeLimit: 1000 * options.timeLimit }).catch(withoutAnswer);
  if (typeof comparison === "string") {
    complain(`${name} is ${comparison}, there is nothing to compare (solve --explain says more)`);
    return exitCodeOf([comparison]);
  }
  if (comparison === null) return exitCodes.interrupted;
  if (options.html !== undefined) {
    writePage(options.html, comparisonPage({ subject: name, started, machine: information(), comparison }));
  }
  process.stdout.write(options.json ? `${JSON.stringify(comparison)}\n` : `${name}: ${comparisonText(comparison)}\n`);
  return exitCodeOf(comparison.status);
}

/** The status of a problem without a solution. Its error advises callers of the library, who have options of their own. */
function withoutAnswer(error: unknown): Status {
  if (error instanceof OptimizationError) return error.status;
  throw error;
}

async function subjectOf(file: string | undefined, options: CompareCommandOptions): Promise<Subject> {
  if (options.random !== undefined) {
    if (file !== undefined) throw new InputError("a file and --random were given, expected one of them");
    const { program, cotangent } = randomProblem(randomSizes(options.random), options.seed);
    const compare = (chosen: CompareOptions) => compareProblem(program, cotangent, chosen);
    return { name: `A random QP (seed ${options.seed})`, compare };
  }
  if (file === undefined) throw new InputError("no problem was given, expected a file, - or --random n,m,p");
  const { problem, cotangent } = await loadProblem(file, options.cotangent);
  // without a cotangent, that of sum(x)
  const c = cotangent ?? new Float64Array(problem.batch * problem.n).fill(1);
  return { name: `The problem of ${sourceName(file)}`, compare: (chosen) => problem.compare(c, chosen) };
}

function writePage(file: string, page: string): void {
  try {
    writeAtomically(file, page);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${reasonOf(error)}`);
  }
}
