import { type ConvexName, type ConvexProgram, convexNames, smoothObjective } from "../problem/convex-program.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { modelAt, usablePoints } from "../solvers/convex/state.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { type AdjointOptions, alternating, type ForwardOptions } from "./alternating.ts";
import { type ImplicitOptions, implicit } from "./implicit.ts";
import type { KktRule } from "./kkt-rule.ts";
import { checkedTangent } from "./pushforward.ts";
import type { DataCotangents, DataTangents } from "./rule.ts";

/** A rule for convex programs. */
export type ConvexRule = KktRule<ConvexProgram, ConvexName>;

/**
 * Implicit differentiation of the KKT conditions of a convex program: `implicit()` on the quadratic model at the solution,
 * whose factors the solver may have left.
 */
export function convexImplicit(options: ImplicitOptions = {}): ConvexRule {
  return throughModel(implicit(options));
}

/**
 * Alt-Diff for convex programs (Sun et al. 2023, section 4.2): `alternating()` on the quadratic model at the solution, which
 * is the derivative of ADMM's updates there, H = grad^2 f(x) + rho (A'A + G'G) in the place of Q + rho (A'A + G'G). After
 * `convexAdmm` the factor of H is the one that its last Newton steps left.
 */
export function convexAlternating(options: AdjointOptions | ForwardOptions = {}): ConvexRule {
  return throughModel(options.mode === "forward" ? alternating(options) : alternating(options));
}

/**
 * A rule for QPs as one for convex programs. At a solution x of
 *
 *     grad f(x; theta) + A'nu + G'lambda = 0,  Ax = b,  Gx <= h
 *
 * the linearized conditions are those of the quadratic model (Hessian H = grad^2 f(x), linear term q = grad f - H x) in which
 * q moves as grad_x f(x; theta) does with theta at fixed x. So with the rule's cotangent qbar = -u of q, and its tangents for dq,
 *
 *     cotangent of theta = grad_theta of sum_i qbar_i' grad_x f(x_i; theta),     dq = d/dtheta grad_x f(x; theta) . dtheta.
 */
function throughModel(rule: KktRule<QuadraticProgram, DatumName>): ConvexRule {
  return {
    name: rule.name,
    vjp(program, solution, cotangent, { wanted = convexNames(program) } = {}) {
      const begin = performance.now();
      const { model, solution: solved } = modelAt(program, solution);
      const asked: DatumName[] = wanted.flatMap((name) => (isConstraint(name) ? [name] : []));
      if (asked.length < wanted.length) asked.push("q");
      const { gradients, report } = rule.vjp(model, solved, cotangent, { wanted: asked });
      const { q, ...own } = gradients;
      const found: DataCotangents<ConvexName> = { ...own, ...(q && thetaCotangents(program, solution, q, wanted)) };
      return { gradients: found, report: { ...report, milliseconds: performance.now() - begin } };
    },
    jvp(program, solution, tangents) {
      const begin = performance.now();
      const { model, solution: solved } = modelAt(program, solution);
      const { A, b, G, h } = tangents;
      const q = thetaTangent(program, solution, tangents);
      const { tangent, report } = rule.jvp(model, solved, { A, b, G, h, ...(q && { q }) });
      return { tangent, report: { ...report, milliseconds: performance.now() - begin } };
    },
  };
}

function isConstraint(name: ConvexName): name is "A" | "b" | "G" | "h" {
  return name === "A" || name === "b" || name === "G" || name === "h";
}

/** The theta's cotangents for a cotangent of grad_x f (batch x n, zero at items that may not be used). */
export function thetaCotangents(
  program: ConvexProgram,
  solution: Pick<Solution, "x" | "status">,
  slope: Float64Array,
  wanted: readonly ConvexName[],
): DataCotangents<ConvexName> {
  const cotangents = smoothObjective(program).mixed(usablePoints(program, solution), slope);
  const named = program.thetaNames.map((name, k) => [name, cotangents[k]] as const);
  return Object.fromEntries(named.filter(([name]) => wanted.includes(name)));
}

/** The tangent of grad_x f at fixed x, null where no theta moves; zero at items that may not be used. */
export function thetaTangent(
  program: ConvexProgram,
  solution: Solution,
  tangents: DataTangents<ConvexName>,
): Float64Array | null {
  const { n, thetaNames } = program;
  const moving = thetaNames.map((name) => checkedTangent(name, tangents[name], program[name]) ?? undefined);
  if (moving.every((tangent) => tangent === undefined)) return null;
  const slope = smoothObjective(program).mixedTangent(usablePoints(program, solution), moving);
  solution.status.forEach((status, i) => {
    if (!isUsable(status)) slope.fill(0, i * n, (i + 1) * n);
  });
  return slope;
}
