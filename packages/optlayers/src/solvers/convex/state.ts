import { type ConvexProgram, smoothObjective } from "../../problem/convex-program.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solver.ts";
import { stateFor } from "../state-for.ts";
import { quadraticModel } from "./model.ts";

/** The quadratic model at a solution, as a solution of which the program's own is to be differentiated. */
export interface SolvedModel {
  readonly model: QuadraticProgram;
  /** The program's solution with the state that rules for QPs know. */
  readonly solution: Solution;
}

/** What a solver of convex programs leaves for a rule: the quadratic model at its solution, with its factors, made when asked for. */
export class ConvexState {
  readonly problem: ConvexProgram;
  /** The penalty that ADMM ended with, of every item; null for other solvers. */
  readonly rho: Float64Array | null;
  private readonly make: () => { readonly model: QuadraticProgram; readonly state: unknown };
  private made: { readonly model: QuadraticProgram; readonly state: unknown } | null = null;

  constructor(
    problem: ConvexProgram,
    make: () => { readonly model: QuadraticProgram; readonly state: unknown },
    rho: Float64Array | null = null,
  ) {
    this.problem = problem;
    this.rho = rho;
    this.make = make;
  }

  get model() {
    this.made ??= this.make();
    return this.made;
  }
}

/** The quadratic model at a solution of any solver; the start takes the place of points that may not be used. */
export function modelAt(program: ConvexProgram, solution: Solution): SolvedModel {
  const { state } = solution;
  if (state instanceof ConvexState && state.problem === program) {
    const { model, state: left } = state.model;
    if (model.b === program.b && model.h === program.h) return { model, solution: { ...solution, state: left } };
    const own = { ...model, b: program.b, h: program.h };
    return { model: own, solution: { ...solution, state: stateFor(left, model, own) } };
  }
  const x = usablePoints(program, solution);
  const model = quadraticModel(program, x, smoothObjective(program).at(x));
  return { model, solution: { ...solution, state: undefined } };
}

/** x of every item, the start where it may not be used. */
export function usablePoints({ n, start }: ConvexProgram, { x, status }: Pick<Solution, "x" | "status">): Float64Array {
  if (status.every(isUsable)) return x;
  const points = x.slice();
  status.forEach((one, i) => {
    const at = start.batched ? i * n : 0;
    if (!isUsable(one)) points.set(start.values.subarray(at, at + n), i * n);
  });
  return points;
}
