import { kktMethod } from "../../kkt/choose-method.ts";
import type { ConvexProgram } from "../../problem/convex-program.ts";
import { smoothObjective } from "../../problem/convex-program.ts";
import type { SmoothPoint } from "../../problem/smooth-objective.ts";
import { polish } from "../interior-point/polish.ts";
import { copyPoint, type InteriorPoint, movePoint } from "../interior-point/state.ts";
import { assessConvex, quadraticModel } from "./model.ts";

/** Newton steps at the end: the convergence is quadratic. */
const mostSteps = 4;
/** Nothing is gained below. */
const exact = 1e-15;

/** A point with f and its relative residual there, and how many Newton steps led each item to it. */
export interface Finished {
  readonly point: InteriorPoint;
  readonly at: SmoothPoint;
  readonly relative: Float64Array;
  readonly steps: Int32Array;
}

/**
 * Newton's method on the active rows from a point near the solution, for the items that `wanted` says: each step is
 * `polish` on the quadratic model at x. An item keeps a step that lowers its recomputed residual, and stops at one that does not.
 */
export function finishConvex(
  program: ConvexProgram,
  start: InteriorPoint,
  wanted: (item: number, relative: number) => boolean,
): Finished {
  const objective = smoothObjective(program);
  const point = copyPoint(start);
  const steps = new Int32Array(program.batch);
  let at = objective.at(point.x);
  let { relative } = assessConvex(program, point, at);
  let items = [...steps.keys()].filter((i) => relative[i] > exact && wanted(i, relative[i]));
  for (let round = 0; round < mostSteps && items.length > 0; round++) {
    const model = quadraticModel(program, point.x, at);
    const { point: goal } = polish(model, kktMethod(model), point, (item) => items.includes(item));
    const { relative: after } = assessConvex(program, goal);
    const better = items.filter((i) => after[i] < relative[i]);
    for (const i of better) movePoint(model, goal, i, point, i);
    for (const i of items) steps[i]++;
    if (better.length === 0) break;
    items = better.filter((i) => after[i] > exact && after[i] < relative[i] / 2);
    at = objective.at(point.x);
    relative = assessConvex(program, point, at).relative;
  }
  return { point, at, relative, steps };
}
