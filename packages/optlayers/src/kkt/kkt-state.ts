import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { kktMethod } from "./choose-method.ts";
import type { KktMethod } from "./kkt-method.ts";

/** What a solver leaves in `Solution.state` for a rule: factors of this very problem. */
export class KktState {
  readonly problem: QuadraticProgram;
  readonly method: KktMethod;

  constructor(problem: QuadraticProgram, method: KktMethod) {
    this.problem = problem;
    this.method = method;
  }
}

/** The solver's own factors when the state is of this problem, fresh ones otherwise. */
export function methodFor(problem: QuadraticProgram, state: unknown): KktMethod {
  return state instanceof KktState && state.problem === problem ? state.method : kktMethod(problem);
}
