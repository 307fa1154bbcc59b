import { maxAbs } from "../../arrays.ts";
import { objectiveOf, type SetObjective } from "../../problem/set-objective.ts";
import { parametersOf, type SetProgram, startOf } from "../../problem/set-program.ts";
import { type SetItem, setItems } from "../../sets/convex-set.ts";
import type { Residuals, Solution } from "../solver.ts";

/** The size of a set program's numbers: of x, and of the objective's gradient; 0 where the problem does not tell. */
export interface SetScales {
  readonly x: number;
  readonly gradient: number;
}

/**
 * The scales of every item from the problem alone: the larger of |P(0)| and |P(start)|, and the larger gradient at P(0) and
 * that far beyond. So residuals have no units, and small numbers are not taken for a solution.
 */
export function scalesOf(problem: SetProgram, objective: SetObjective, sets: readonly SetItem[]): SetScales[] {
  const { n, batch } = problem;
  const reference = new Float64Array(batch * n);
  const start = startOf(problem);
  const beyond = new Float64Array(batch * n);
  const part = (rows: Float64Array, i: number) => rows.subarray(i * n, (i + 1) * n);
  const sizes = sets.map((set, i) => {
    for (const rows of [reference, start]) if (!set.isEmpty) set.project(part(rows, i), part(rows, i));
    const size = Math.max(maxAbs(part(reference, i)), maxAbs(part(start, i)));
    part(beyond, i).set(part(reference, i).map((value) => value + size));
    return size;
  });
  const gradients = [objective.gradient(reference), objective.gradient(beyond)];
  return sizes.map((x, i) => {
    const found = gradients.map((rows) => maxAbs(rows, i * n, (i + 1) * n)).filter(Number.isFinite);
    return { x, gradient: Math.max(0, ...found) };
  });
}

/** The sizes of x and of the gradient that a residual there is measured by, and the step t that makes one of the other. */
export function naturalStep(x: Float64Array, gradient: Float64Array, scales: SetScales) {
  const size = Math.max(maxAbs(x), scales.x);
  const force = Math.max(maxAbs(gradient), scales.gradient);
  return { size, step: size > 0 && force > 0 ? size / force : 1 };
}

/**
 * How far x is from a fixed point of the projected gradient: `absolute` |x - P(x - grad f)|, `outside` |x - P(x)|, and
 * `relative` |x - P(x - t grad f)| / |x| with the t that makes the gradient as long as x, by the scales (largest entries).
 */
export function fixedPointResidual(set: SetItem, x: Float64Array, gradient: Float64Array, scales: SetScales) {
  const { size, step } = naturalStep(x, gradient, scales);
  const distance = (t: number) => {
    const moved = x.map((value, j) => value - t * gradient[j]);
    set.project(moved, moved);
    for (let j = 0; j < x.length; j++) moved[j] -= x[j];
    return maxAbs(moved);
  };
  const moves = distance(step);
  return { relative: moves === 0 ? 0 : moves / (size || moves), absolute: distance(1), outside: distance(0) };
}

/** The residuals of every item from the problem and x alone: `fixedPointResidual`, |x - P(x)| as the primal one. */
export function assessSetProgram(problem: SetProgram, { x }: Pick<Solution, "x">) {
  const { n, batch } = problem;
  const objective = objectiveOf(problem);
  const sets = setItems(problem.set, parametersOf(problem), n, batch);
  const scales = scalesOf(problem, objective, sets);
  const gradient = objective.gradient(x);
  const [primal, dual, gap, relative] = Array.from({ length: 4 }, () => new Float64Array(batch));
  sets.forEach((set, i) => {
    const [at, slope] = [x, gradient].map((rows) => rows.subarray(i * n, (i + 1) * n));
    const found = fixedPointResidual(set, at, slope, scales[i]);
    primal[i] = found.outside;
    dual[i] = found.absolute;
    relative[i] = Math.max(
      found.relative,
      found.outside === 0 ? 0 : found.outside / naturalStep(at, slope, scales[i]).size,
    );
  });
  const residuals: Residuals = { primal, dual, gap };
  return { residuals, relative };
}
