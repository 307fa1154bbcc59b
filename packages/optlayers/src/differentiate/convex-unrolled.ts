import { activeKernels, view } from "@solvegrad/linalg";
import { type ConvexName, type ConvexProgram, smoothObjective, type ThetaName } from "../problem/convex-program.ts";
import { startModel } from "../solvers/convex/model.ts";
import { ConvexPrimalUpdate } from "../solvers/convex/primal-update.ts";
import { ConvexState } from "../solvers/convex/state.ts";
import type { Solution } from "../solvers/solver.ts";
import type { ConvexRule } from "./convex-through-model.ts";
import { checkedTangent } from "./pushforward.ts";
import type { DataCotangents, DataTangents } from "./rule.ts";
import type { ScaledRows, SmoothUpdate } from "./smooth/tape.ts";
import { type ObjectiveData, type SmoothUnrolledOptions, smoothUnrolled } from "./smooth/unrolled.ts";

/**
 * Unrolling for convex programs: ADMM is run from its cold start, and its iterations are differentiated as they are, backwards for
 * the VJP and forwards for the JVP, with the Hessian of every iteration's own x (`smoothUnrolled`). With enough iterations its
 * gradients are those of the other rules. Every iteration costs a Hessian, n pullbacks of the gradient.
 *
 * Of the solution it uses the statuses (items without a usable one are left out) and ADMM's penalty. Throws an `OptionError`
 * for an option outside its range.
 */
export function convexUnrolled(options: SmoothUnrolledOptions = {}): ConvexRule {
  return smoothUnrolled<ThetaName, ConvexProgram>(
    { names: ({ thetaNames }) => thetaNames, update: (...given) => new ConvexUpdate(...given) },
    options,
  );
}

/** The gradient that an update of x may leave: what rounding leaves of it. */
const exact = 1e-14;

class ConvexUpdate implements SmoothUpdate, ObjectiveData<ThetaName> {
  readonly n: number;
  readonly p: number;
  readonly items: readonly number[];
  readonly rows: readonly ScaledRows[];
  private readonly program: ConvexProgram;
  private readonly update: ConvexPrimalUpdate;
  private readonly rho: Float64Array;

  constructor(program: ConvexProgram, solution: Solution, items: readonly number[], rho: number | undefined) {
    this.n = program.n;
    this.p = program.p;
    this.items = items;
    this.program = program;
    this.update = new ConvexPrimalUpdate(program, startModel(program).x);
    this.rho = Float64Array.from(this.update.items, (_, i) => penaltyOf(program, solution, i) ?? rho ?? 1);
    this.rows = this.update.items.map(({ geometry, k }, i) => {
      return { K: geometry.K, scale: geometry.scale, k, rho: this.rho[i] };
    });
  }

  get x(): Float64Array {
    return this.update.x;
  }

  start(): Float64Array[] {
    return this.rows.map(({ K, k, rho }, i) => {
      const Kx = new Float64Array(k.length);
      const x = view(this.x, [this.n], i * this.n);
      if (k.length > 0) activeKernels().gemv(1, K, x, 0, view(Kx, [k.length]));
      return k.map((value, row) => (row < this.p ? 0 : -rho * Math.max(value - Kx[row], 0)));
    });
  }

  moveTo(x: Float64Array): void {
    this.update.moveTo(x);
  }

  minimize(a: readonly Float64Array[]): void {
    this.update.minimize(this.items, a, this.rho, () => exact);
  }

  linearize(): void {
    this.update.refactor(this.items, this.rho);
  }

  solve(item: number, rhs: Float64Array): Float64Array {
    return this.update.solve(item, rhs);
  }

  addCotangents(slope: Float64Array, gradients: DataCotangents<ConvexName>): void {
    const { thetaNames } = this.program;
    if (!thetaNames.some((name) => gradients[name])) return;
    const found = smoothObjective(this.program).mixed(this.x, slope);
    thetaNames.forEach((name, k) => {
      const sum = gradients[name];
      if (sum) for (let e = 0; e < sum.length; e++) sum[e] += found[k][e];
    });
  }

  slopeTangent(tangents: DataTangents<ConvexName>): Float64Array | null {
    const { thetaNames } = this.program;
    const moving = thetaNames.map((name) => checkedTangent(name, tangents[name], this.program[name]) ?? undefined);
    if (moving.every((tangent) => tangent === undefined)) return null;
    return smoothObjective(this.program).mixedTangent(this.x, moving);
  }
}

/** The penalty that ADMM ended with, for rows scaled as they are here; undefined for another solver's solution. */
function penaltyOf(program: ConvexProgram, { state }: Solution, i: number): number | undefined {
  return state instanceof ConvexState && state.problem === program ? state.rho?.[i] : undefined;
}
