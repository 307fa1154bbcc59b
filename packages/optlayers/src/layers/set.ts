import { customOp, gate, grad, isGradEnabled, type Tensor, tensor, withRecording } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { withFiniteGradients } from "../differentiate/finite-gradients.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { cleaned, setImplicit, stepsBack } from "../differentiate/set/implicit.ts";
import { gradientOnTape } from "../problem/set-objective.ts";
import { readSetProgram, type SetDatumName, type SetProgram, type SetProgramData } from "../problem/set-program.ts";
import { datumTensor } from "../sets/convex-set.ts";
import { assessSetProgram } from "../solvers/projected-gradient/residual.ts";
import { projectedGradient } from "../solvers/projected-gradient.ts";
import { withSecondOpinion } from "../solvers/second-opinion.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { type Optimality, rootOf } from "./implicit-layer.ts";
import { type DifferentiableDatum, differentiableData } from "./on-tape/data-on-tape.ts";
import { denseAdjoint } from "./root-adjoint.ts";
import {
  checkedSolution,
  checkOnFailure,
  gradientTensor,
  type LayerOptions,
  rowsTensor,
  usableSolution,
} from "./solution-on-tape.ts";
import { usableMask } from "./usable-mask.ts";

export interface SetLayerOptions extends LayerOptions {
  /** How to solve; `projectedGradient()` by default. */
  readonly solver?: Solver<SetProgram>;
  /** How to differentiate; `setImplicit()` by default, or `setUnrolled()`. */
  readonly differentiation?: DifferentiationRule<SetProgram, SetDatumName>;
}

export interface SetLayerResult {
  /** The minimizer: shape (n), or (B, n) for a batch. */
  readonly x: Tensor;
  /** Statuses, residuals and the like, in float64. */
  readonly solution: Solution;
}

/**
 * The layer of a smooth convex program over a set with a cheap projection,
 *
 *     x = argmin f(x; theta)   subject to   x in C        (`box`, `simplex`, `ball`, `affine`)
 *
 * with f in Tensor ops, as for `convexLayer`, or quadratic by Q and q. theta, Q, q and the parameters of the set that are
 * Tensors take part in the gradient. f is evaluated in float64; the tensors' dtype is that of the results and gradients.
 *
 * An item that fails raises an `OptimizationError`. With `onFailure: "mask"` its x and its gradient are zero, and
 * `solution.status` says why. Bad data are refused as by `setProgram`. With `createGraph: true` the gradient may be
 * differentiated again, to any order, through the fixed point x = P(x - t grad f(x)) with a dense Jacobian.
 */
export function setLayer(data: SetProgramData, options: SetLayerOptions = {}): SetLayerResult {
  const { onFailure = "raise", differentiation = setImplicit(), warmStart, signal, timeLimit, onIteration } = options;
  checkOnFailure(onFailure);
  checkMethod("differentiation", differentiation, "vjp", "a rule such as setImplicit()");
  const { problem, dtype, given } = readSetProgram(data);
  if (options.solver) checkMethod("solver", options.solver, "solve", "a solver such as projectedGradient()");
  const solver = options.solver
    ? withSecondOpinion(options.solver, assessSetProgram)
    : projectedGradient({ tolerance: dtype === "float32" ? 1e-8 : 1e-10 });
  const solved = solver.solve(problem, { warmStart, signal, timeLimit, onIteration });
  const solution = usableSolution(checkedSolution(solved, problem), onFailure);
  const inputs = differentiableData(problem.names, given);
  const wanted = inputs.map(({ name }) => name);
  const rule = withFiniteGradients(differentiation, { onFailure });
  const [x] = customOp(
    "setLayer",
    inputs.map(({ value }) => value),
    [rowsTensor(solution.x, problem, dtype).value],
    ([c]) => {
      if (!c) return inputs.map(() => null);
      if (isGradEnabled()) return recordedCotangents(problem, solution, inputs, c);
      const cotangent = { x: Float64Array.from(c.data()) };
      const { gradients, report } = rule.vjp(problem, solution, cotangent, { wanted });
      options.onBackward?.(report);
      return inputs.map(({ name, value }) => gradientTensor(name, gradients[name], value));
    },
    { differentiable: true },
  );
  return { x, solution };
}

/** The cotangents of the data on the tape: those of the root of x - P(x - t grad f(x)). */
function recordedCotangents(
  problem: SetProgram,
  solution: Solution,
  inputs: readonly DifferentiableDatum<SetDatumName>[],
  c: Tensor,
): Tensor[] {
  const { batched } = problem;
  const values = cleaned(problem, solution);
  const at = rowsTensor(values, problem, "float64");
  const equation = fixedPointEquation(
    problem,
    inputs.map(({ name }) => name),
    values,
  );
  return withRecording(true, () => {
    const linked = inputs.map(({ value }) => value.to("float64"));
    const root = rootOf(equation, at, linked, { batched, adjoint: denseAdjoint });
    const cotangent = gate(c.to("float64"), usableMask(solution.status, at));
    return grad(root, linked, { cotangent, createGraph: true }).map((gradient, k) =>
      gradient.to(inputs[k].value.dtype),
    );
  });
}

/**
 * x - P(x - t grad f(x)) as a function of x and of the data of these names, around a solution: the steps t, and which entries of
 * the gradient are so weak that they count as zero, are those of `setImplicit`.
 */
function fixedPointEquation(problem: SetProgram, moving: readonly SetDatumName[], solution: Float64Array): Optimality {
  const { n, batch, batched, set } = problem;
  const constants = Object.fromEntries(problem.names.map((name) => [name, datumTensor(problem[name], batch)]));
  const setNames = Object.keys(set.parameters);
  const { steps, z, gradient } = stepsBack(problem, solution);
  const weak = rowsTensor(
    gradient.map((value, k) => (z[k] === solution[k] ? steps[Math.floor(k / n)] * value : 0)),
    problem,
    "float64",
  );
  const step = tensor(steps, { shape: batched ? [batch, 1] : [1] });
  return (x, ...values) => {
    const data: Record<string, Tensor> = { ...constants };
    moving.forEach((name, k) => {
      data[name] = values[k];
    });
    const at = x.sub(gradientOnTape(problem, x, data).mul(step)).add(weak);
    return x.sub(set.project(at, Object.fromEntries(setNames.map((name) => [name, data[`set.${name}`]]))));
  };
}
