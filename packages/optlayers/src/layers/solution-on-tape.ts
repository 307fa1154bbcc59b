import { customOp, isGradEnabled, type Tensor, tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkChoice } from "../check-options.ts";
import { withFiniteGradients } from "../differentiate/finite-gradients.ts";
import type { Cotangent, DifferentiationReport, DifferentiationRule } from "../differentiate/rule.ts";
import { LayerError, OptimizationError, OptionError } from "../errors.ts";
import { type Degeneracy, withDegeneracy } from "../kkt/degeneracy.ts";
import type { Datum } from "../problem/quadratic-program.ts";
import { isUsable, type Solution, type SolveOptions, type Solver, type Status } from "../solvers/solver.ts";
import { type BatchShape, differentiableData } from "./on-tape/data-on-tape.ts";
import { type KktTable, recordedBackward } from "./on-tape/recorded-backward.ts";

/** What an item without a usable solution does: "raise" throws, "mask" keeps the rest of the batch alive. */
export type OnFailure = "raise" | "mask";

/** Throws an `OptionError` for anything else, as may come from JavaScript. */
export function checkOnFailure(onFailure: string = "raise", choices: readonly string[] = ["raise", "mask"]): void {
  checkChoice("onFailure", onFailure, choices);
}

/** Throws an `OptionError` for what is no solution at all; one of another problem is a bad start, and no mistake. */
function checkWarmStart(earlier: Partial<Solution> | undefined): void {
  if (earlier === undefined) return;
  const { x, nu, lambda, s } = earlier;
  if ([x, nu, lambda, s].every((part) => part instanceof Float64Array)) return;
  throw new OptionError("warmStart", earlier, "an earlier solution with x, nu, lambda and s");
}

/** How many numbers of each kind a solution of a problem has. */
export interface SolutionShape {
  readonly batch: number;
  readonly n: number;
  readonly p: number;
  readonly m: number;
}

/**
 * What any solver returned, the caller's own too: an item with numbers that are not finite has failed, whatever its
 * status says. Throws a `LayerError` for a solution that is not of the problem's shape.
 */
export function checkedSolution<S extends Solution>(solution: S, shape: SolutionShape): S {
  checkShape(solution, shape);
  const status = solution.status.map((reported, item) => honestStatus(reported, solution, item));
  return status.every((one, item) => one === solution.status[item]) ? solution : { ...solution, status };
}

/** The solution with zeros in the items that failed, or an `OptimizationError` where these may not be masked. */
export function usableSolution<S extends Solution>(solution: S, onFailure: OnFailure): S {
  const items = solution.status.length;
  const failed = [...solution.status.keys()].filter((i) => !isUsable(solution.status[i]));
  if (failed.length === 0) return solution;
  if (onFailure === "raise") throw new OptimizationError(solution.solver, solution.status, failed, solution.notes);
  const zeroed = (values: Float64Array) => {
    const result = values.slice();
    const width = values.length / items;
    for (const i of failed) result.fill(0, i * width, (i + 1) * width);
    return result;
  };
  const { x, nu, lambda, zeta, s } = solution;
  const bounds = zeta && { zeta: zeroed(zeta) };
  return { ...solution, x: zeroed(x), nu: zeroed(nu), lambda: zeroed(lambda), ...bounds, s: zeroed(s) };
}

function checkShape({ solver, status, x, nu, lambda, zeta, s }: Solution, { batch, n, p, m }: SolutionShape): void {
  const check = (name: string, length: number | undefined, expected: number) => {
    if (length === expected) return;
    throw new LayerError(`the solver ${solver} returned ${length ?? "no"} entries of ${name}, expected ${expected}`);
  };
  check("status", status?.length, batch);
  check("x", x?.length, batch * n);
  check("nu", nu?.length, batch * p);
  check("lambda", lambda?.length, batch * m);
  if (zeta) check("zeta", zeta.length, batch * n);
  check("s", s?.length, batch * m);
}

function honestStatus(status: Status, solution: Solution, item: number): Status {
  const {
    x,
    nu,
    lambda,
    zeta = new Float64Array(0),
    s,
    status: { length: items },
  } = solution;
  const areFinite = (values: Float64Array) => {
    const width = values.length / items;
    return values.subarray(item * width, (item + 1) * width).every(Number.isFinite);
  };
  return isUsable(status) && ![x, nu, lambda, zeta, s].every(areFinite) ? "numerical_error" : status;
}

/** Rows of a solution, one an item, as a tensor of shape (width), or (batch, width). */
export function rowsTensor(rows: Float64Array, { batch, batched }: BatchShape, dtype: DType): Tensor {
  const width = rows.length / batch;
  const values = dtype === "float32" ? Float32Array.from(rows) : rows.slice();
  return tensor(values, { shape: batched ? [batch, width] : [width] });
}

/** A gradient in the dtype and shape of the datum that it is for. */
export function gradientTensor(name: string, gradient: Float64Array | undefined, like: Tensor): Tensor {
  if (!gradient) throw new LayerError(`the differentiation rule left out the gradient of ${name}, which was wanted`);
  const values = like.dtype === "float32" ? Float32Array.from(gradient) : gradient;
  return tensor(values, { shape: [...like.shape] });
}

/** What every layer takes besides its problem, its solver and its rule; with a signal or a time limit, unfinished items count as failed. */
export interface LayerOptions extends SolveOptions {
  /** What an item without a usable solution does: "raise" (the default) throws, "mask" keeps the rest of the batch alive. */
  readonly onFailure?: OnFailure;
  /** Receives the rule's report after every backward pass. */
  readonly onBackward?: (report: DifferentiationReport) => void;
}

/** A problem of the kind P as a layer has read it from the caller's data. */
interface StatedProblem<P, N extends string> {
  /** The layer's name, for error messages of the tape. */
  readonly name: string;
  readonly names: readonly N[];
  readonly data: Readonly<Partial<Record<N, unknown>>>;
  readonly problem: P;
  readonly dtype: DType;
  /** Without it, the gradient cannot be differentiated again. */
  readonly kkt?: KktTable<P, N>;
  /** Without it, the solution says nothing of its degeneracy. */
  readonly sight?: Sight<P, N>;
}

/** How to see what is special about a solution. */
export interface Sight<P, N extends string> {
  degeneracyOf(problem: P, solution: Solution): readonly (Degeneracy | null)[];
  /** The datum whose gradient is zero where the constraints alone determine x. */
  readonly cost: N;
  /** What to do about that, a clause that ends a note. */
  readonly advice: string;
}

/**
 * Solves a problem, and puts x, nu and lambda on the tape, and zeta where the solution has it, as the outputs of one step
 * whose vjp is the rule's, finite or a `GradientError` (with "mask": zero at such items). Where the backward pass is itself recorded (`createGraph: true`), and the kind of problem has a
 * table for that, the cotangents are Tensor ops on the results.
 */
export function solveOnTape<
  N extends string,
  P extends SolutionShape & BatchShape & Readonly<Record<N, Datum>>,
  S extends Solution = Solution,
>(
  stated: StatedProblem<P, N>,
  solver: Solver<P, S>,
  differentiation: DifferentiationRule<P, N>,
  { onFailure = "raise", onBackward, warmStart, signal, onIteration, timeLimit }: LayerOptions,
) {
  const { name, names, data, problem, dtype, kkt, sight } = stated;
  checkWarmStart(warmStart);
  const solved = solver.solve(problem, { warmStart, signal, onIteration, timeLimit });
  const usable = usableSolution(checkedSolution(solved, problem), onFailure);
  const solution = sight ? withDegeneracy({ ...usable }, (seen) => sight.degeneracyOf(problem, seen)) : usable;
  const inputs = differentiableData(names, data);
  const wanted = inputs.map((input) => input.name);
  const rule = reportingTo(withFiniteGradients(differentiation, { onFailure }), (report) => {
    if (!onBackward) return;
    const isAsked = sight && wanted.includes(sight.cost) && mayHaveVertices(problem, solution);
    const vertices = isAsked ? vertexNotes(sight, solution.degeneracy ?? []) : [];
    onBackward({ ...report, notes: [...report.notes, ...vertices] });
  });
  const backward = (cotangents: readonly (Tensor | null)[]) => {
    if (kkt && isGradEnabled()) return recordedBackward(kkt, stated, solution, rule, inputs, outputs, cotangents);
    const { gradients } = rule.vjp(problem, solution, cotangentOf(solution, cotangents), { wanted });
    return inputs.map((input) => gradientTensor(input.name, gradients[input.name], input.value));
  };
  const parts = [solution.x, solution.nu, solution.lambda, ...(solution.zeta ? [solution.zeta] : [])];
  const held = [...parts, solution.s];
  const numbers = names.reduce((sum, datum) => sum + problem[datum].values.length, 0);
  const outputs = customOp(
    name,
    inputs.map(({ value }) => value),
    parts.map((rows) => rowsTensor(rows, problem, dtype).value),
    backward,
    { extraBytes: 8 * held.reduce((sum, rows) => sum + rows.length, numbers), differentiable: kkt !== undefined },
  );
  const [x, nu, lambda, zeta] = outputs;
  return { x, nu, lambda, zeta, solution };
}

/** The rule, with its reports handed on. */
function reportingTo<P, N extends string>(
  rule: DifferentiationRule<P, N>,
  receive: (report: DifferentiationReport) => void,
): DifferentiationRule<P, N> {
  return {
    name: rule.name,
    vjp: (...given) => {
      const result = rule.vjp(...given);
      receive(result.report);
      return result;
    },
  };
}

/** Whether an item has as many equalities and multipliers as variables, without which it is at no vertex. */
function mayHaveVertices({ batch, n, p }: SolutionShape, { lambda, zeta = new Float64Array(0) }: Solution): boolean {
  const multipliers = (values: Float64Array, item: number) => {
    const width = values.length / batch;
    return values
      .subarray(item * width, (item + 1) * width)
      .reduce((count, value) => (value === 0 ? count : count + 1), 0);
  };
  for (let i = 0; i < batch; i++) if (p + multipliers(lambda, i) + multipliers(zeta, i) >= n) return true;
  return false;
}

/** Says which items have an x that the cost has no say in, so that nobody waits for a gradient to arrive. */
function vertexNotes<N extends string>(
  { cost, advice }: Pick<Sight<unknown, N>, "cost" | "advice">,
  degeneracy: readonly (Degeneracy | null)[],
): string[] {
  const items = [...degeneracy.keys()].filter((i) => degeneracy[i]?.vertex);
  if (items.length === 0) return [];
  const which =
    degeneracy.length === 1
      ? "x is"
      : `x of ${items.length} of ${degeneracy.length} items (the first is ${items[0]}) is`;
  return [`${which} at a vertex of its constraints: the gradient of ${cost} is zero almost everywhere; ${advice}.`];
}

/** The cotangents in float64; an output that the loss does not use has none (x: zeros). */
function cotangentOf(solution: Solution, [x, nu, lambda, zeta = null]: readonly (Tensor | null)[]): Cotangent {
  const values = (cotangent: Tensor | null) => (cotangent ? Float64Array.from(cotangent.data()) : undefined);
  return {
    x: values(x) ?? new Float64Array(solution.x.length),
    nu: values(nu),
    lambda: values(lambda),
    zeta: values(zeta),
  };
}
