import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import type { AdmmFactor } from "./admm-iteration.ts";
import type { SparseState } from "./kkt-system.ts";

/** What sparse ADMM leaves for a rule: besides what every sparse solver leaves, the factor of its last iteration. */
export interface SparseAdmmState extends SparseState {
  readonly admm: AdmmFactor;
  readonly relaxation: number;
}

/** The factor that ADMM left for this problem, where it was ADMM that solved it. */
export function admmFactorOf(problem: SparseQuadraticProgram, state: SparseState | undefined): AdmmFactor | null {
  return state?.program.original === problem && "admm" in state ? (state as SparseAdmmState).admm : null;
}
