import { INACTIVE } from "./active-set.ts";
import type { KktSystem } from "./kkt-system.ts";
import type { ScaledProgram } from "./scaled-program.ts";

/** Solves a scaled KKT system: refined, or in another way with the same factor. */
export type KktSolve = (rhs: Float64Array, step: Float64Array) => void;

/**
 * The KKT system of a face of the feasible set, in the problem's own variables:
 *
 *     Q du + A'dy + G'dw = g  on the free variables,   A du, G du = r  on the active rows,
 *
 * du zero on the active bounds, dw zero on the inactive rows. The others of g and r are ignored.
 */
export class FaceKkt {
  readonly program: ScaledProgram;
  readonly system: KktSystem;
  private active: Uint8Array = new Uint8Array(0);
  private readonly rhs: Float64Array;
  private readonly step: Float64Array;

  constructor(program: ScaledProgram, system: KktSystem) {
    this.program = program;
    this.system = system;
    const size = program.n + program.rows;
    this.rhs = new Float64Array(size);
    this.step = new Float64Array(size);
  }

  /** Factors the system of this face (the bounds of x, then the rows). False where there is no factor. */
  hold(active: Uint8Array, delta: number): boolean {
    this.active = active;
    return this.system.hold(active, delta);
  }

  /** u += du, y += (dy, dw) for these right-hand sides g and r. */
  addStep(
    g: Float64Array,
    r: Float64Array,
    u: Float64Array,
    y: Float64Array,
    solve: KktSolve = (rhs, step) => this.system.solve(rhs, step),
  ): void {
    const { n, rows, D, E, cost } = this.program;
    const { active, rhs, step } = this;
    for (let j = 0; j < n; j++) rhs[j] = active[j] === INACTIVE ? cost * D[j] * g[j] : 0;
    for (let i = 0; i < rows; i++) rhs[n + i] = active[n + i] !== INACTIVE ? E[i] * r[i] : 0;
    solve(rhs, step);
    for (let j = 0; j < n; j++) if (active[j] === INACTIVE) u[j] += D[j] * step[j];
    for (let i = 0; i < rows; i++) if (active[n + i] !== INACTIVE) y[i] += (E[i] / cost) * step[n + i];
  }
}
