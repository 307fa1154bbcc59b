import { activeKernels, view } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import { type ConvexProgram, smoothObjective, startingPoints } from "../../problem/convex-program.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { SmoothPoint } from "../../problem/smooth-objective.ts";
import { type ResidualUnits, residualUnits } from "../residual-units.ts";
import { type Assessment, assessWith, type ObjectiveTerms, type PrimalDualPoint } from "../residuals.ts";

/**
 * The quadratic model of the objective at a point x of every item, under the same constraints:
 *
 *     minimize 1/2 z'Hz + (grad f - H x)'z   subject to  Az = b, Gz <= h,   H = grad^2 f(x).
 *
 * Its KKT residual at x is the program's own, a Newton step of the program is one of the model, and at a solution x the two have
 * the same multipliers and, with q moved as grad f moves with theta, the same derivatives.
 */
export function quadraticModel(
  program: ConvexProgram,
  x: Float64Array,
  at: Pick<SmoothPoint, "gradient" | "hessian">,
): QuadraticProgram {
  const { n, p, m, batch, batched, A, b, G, h } = program;
  const H = at.hessian();
  const q = at.gradient.slice();
  for (let i = 0; i < batch; i++) {
    const Hx = view(q, [n], i * n);
    activeKernels().gemv(-1, view(H, [n, n], i * n * n), view(x, [n], i * n), 1, Hx);
  }
  const Q = { values: H, shape: [n, n], batched };
  return { kind: "qp", n, p, m, batch, batched, Q, q: { values: q, shape: [n], batched }, A, b, G, h };
}

/** Relative to the largest diagonal entry of the Hessian: how negative an eigenvalue may be, as rounding. */
const rounding = 1e-9;

/** Whether the Hessian of item i has no negative eigenvalue: its Cholesky factorization, lifted by rounding, does not break down. */
export function isConvexAt({ n, Q }: QuadraticProgram, i: number): boolean {
  const lifted = Q.values.slice(i * n * n, (i + 1) * n * n);
  if (!lifted.every(Number.isFinite)) return false;
  const size = maxAbs(lifted);
  if (size === 0) return true;
  for (let k = 0; k < lifted.length; k += n + 1) lifted[k] += rounding * size;
  return activeKernels().potrf(view(lifted, [n, n])) === 0;
}

/** A program at its own start: the model there, and the units that residuals are judged by. */
export interface StartModel {
  readonly x: Float64Array;
  readonly at: SmoothPoint;
  readonly model: QuadraticProgram;
  readonly units: ResidualUnits;
}

const startModels = new WeakMap<ConvexProgram, StartModel>();

/** The model at the program's start, made once. */
export function startModel(program: ConvexProgram): StartModel {
  const known = startModels.get(program);
  if (known) return known;
  const x = startingPoints(program);
  const at = smoothObjective(program).at(x);
  const model = quadraticModel(program, x, at);
  const made = { x, at, model, units: residualUnits(model) };
  startModels.set(program, made);
  return made;
}

/**
 * `assess` for convex programs: grad f takes the place of Qx + q, and the units are those of the quadratic model at the
 * program's start. A point outside of f's domain has the relative residual NaN.
 */
export function assessConvex(
  program: ConvexProgram,
  point: PrimalDualPoint,
  at: SmoothPoint = smoothObjective(program).at(point.x),
): Assessment {
  return assessWith(program, point, objectiveTerms(program, point.x, at), startModel(program).units);
}

function objectiveTerms({ n, batch }: ConvexProgram, x: Float64Array, at: SmoothPoint): ObjectiveTerms {
  const [scale, product, productScale] = Array.from({ length: 3 }, () => new Float64Array(batch));
  for (let i = 0; i < batch; i++) {
    scale[i] = Number.isFinite(at.value[i]) ? maxAbs(at.gradient, i * n, (i + 1) * n) : Number.NaN;
    for (let k = i * n; k < (i + 1) * n; k++) {
      product[i] += x[k] * at.gradient[k];
      productScale[i] += Math.abs(x[k] * at.gradient[k]);
    }
  }
  return { gradient: at.gradient, scale, product, productScale, value: at.value };
}
