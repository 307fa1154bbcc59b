import { gate, noGrad, Tensor, tensor } from "@solvegrad/autograd";
import { checkChoice, checkCount, checkFraction, checkFunction } from "../check-options.ts";
import { type BackwardMethod, backwardMethods, solveAdjoint } from "../differentiate/fixed-point/adjoints.ts";
import type { DifferentiationReport } from "../differentiate/rule.ts";
import { LayerError, OptimizationError } from "../errors.ts";
import { type AndersonOptions, anderson, checkAnderson, type FixedPoint } from "../solvers/anderson.ts";
import { isUsable, type SolveOptions } from "../solvers/solver.ts";
import { type Optimality, rootOf } from "./implicit-layer.ts";
import type { AdjointSolver, RootCheck } from "./root-adjoint.ts";
import { checkOnFailure, type OnFailure } from "./solution-on-tape.ts";
import { usableMask } from "./usable-mask.ts";

/** How the backward pass solves its linear system, and how well. */
export interface FixedPointBackward {
  /** "gmres" by default. */
  readonly method?: BackwardMethod;
  /** Bound on its residual relative to the cotangent (largest entries); 1e-9 by default, 1e-5 for float32. Not of "jacobianFree". */
  readonly tolerance?: number;
  /** Most products with the Jacobian; 400 by default. */
  readonly maxIterations?: number;
}

export interface FixedPointLayerDefinition {
  /** F(z, ...theta) in Tensor ops, of the shape of z. */
  readonly map: (z: Tensor, ...theta: Tensor[]) => Tensor;
  /** Where the iteration starts, or a function of theta that says where. Its shape and dtype are those of the result. */
  readonly start: Tensor | ((...theta: Tensor[]) => Tensor);
  /** True when z has a leading batch axis and item i of F depends on item i of z alone: each then iterates on its own. False by default. */
  readonly batched?: boolean;
  /** Anderson acceleration's memory, tolerance and limits. */
  readonly forward?: AndersonOptions;
  /** How the backward pass solves (I - dF/dz)' v = c; "gmres" by default. */
  readonly backward?: BackwardMethod | FixedPointBackward;
  /** What an item that has not converged does: "raise" (the default) throws, "mask" gives it zeros and a gradient of zero. */
  readonly onFailure?: OnFailure;
  /** An AbortSignal, a time limit, a callback after every iteration. */
  readonly solve?: Pick<SolveOptions, "signal" | "timeLimit" | "onIteration">;
  /** Receives statuses, residuals and iterations after every forward pass. */
  readonly onForward?: (report: FixedPoint) => void;
  /** Receives the linear solve's report after every backward pass. */
  readonly onBackward?: (report: DifferentiationReport) => void;
}

/**
 * A layer whose value is a fixed point z = F(z, theta): a deep-equilibrium layer (Bai, Kolter and Koltun 2019). Forward by
 * Anderson acceleration from `start`, backward by the implicit function theorem on the root of z - F(z, theta),
 *
 *     (I - dF/dz)' v = c,    cotangent of theta = (dF/dtheta)' v,
 *
 * as `implicitLayer` does it, to derivatives of any order, by a method that the caller chooses: "gmres" (products alone, any
 * map), "neumann" (products alone, for contractions), "direct" (the dense Jacobian, for up to some hundred entries an item) or
 * "jacobianFree" (v = c: cheap and *not* the gradient, as its report says).
 *
 * What has not converged is not believed: an item raises an `OptimizationError` (unless `onFailure` says "mask"), and a backward
 * solve that misses its tolerance a `LayerError` with its residual. Throws an `OptionError` for an option out of range.
 */
export function fixedPointLayer(definition: FixedPointLayerDefinition): (...theta: Tensor[]) => Tensor {
  const { map, start, batched = false, forward = {}, onFailure = "raise", solve } = definition;
  checkFunction("map", map, "of z and theta in Tensor ops");
  if (!(start instanceof Tensor)) checkFunction("start", start, "of theta, or a Tensor");
  checkOnFailure(onFailure);
  checkAnderson(forward);
  const backward = backwardOf(definition.backward);
  const equation: Optimality = (z, ...theta) => z.sub(map(z, ...theta));
  return (...theta) => {
    const constants = theta.map((value) => value.detach());
    const first = start instanceof Tensor ? start : noGrad(() => start(...constants));
    if (batched && first.rank === 0)
      throw new LayerError("fixedPointLayer: start has no batch axis, but batched is true");
    const found = iterate(map, first, constants, batched, forward, solve);
    definition.onForward?.(found);
    const failed = [...found.status.keys()].filter((i) => !isUsable(found.status[i]));
    if (failed.length > 0 && onFailure === "raise") {
      throw new OptimizationError("fixedPointLayer", found.status, failed);
    }
    const z = fixedPoints(found, failed, first);
    const adjoint = reported(backward, definition.onBackward);
    const check = checkOf(() => noGrad(() => equation(z, ...constants)), forward.tolerance ?? tolerances[z.dtype]);
    const root = rootOf(equation, z, theta, { batched, adjoint, check });
    return failed.length > 0 ? gate(root, usableMask(found.status, first)) : root;
  };
}

/** Of both passes, unless the caller has others. */
const tolerances = { float32: 1e-5, float64: 1e-9 };

/** How many times its tolerance z may be off, in terms of the loss, before the backward pass does not believe it. */
const amplification = 1e3;

/** The forward residual is small; where the map hardly contracts, z is far off all the same. */
function checkOf(residual: RootCheck["residual"], tolerance: number): RootCheck {
  const limit = amplification * tolerance;
  const judge = (share: number) => {
    if (share <= limit) return;
    const step = `a Newton step would move it by ${share.toExponential(1)} of its size, expected ${limit} at most`;
    const advice = "lower forward.tolerance, or start nearer to the fixed point";
    throw new LayerError(`fixedPointLayer: the iteration stopped far from the fixed point: ${step}; ${advice}`);
  };
  return { residual, judge };
}

type Backward = Required<Omit<FixedPointBackward, "tolerance">> & Pick<FixedPointBackward, "tolerance">;

function backwardOf(given: BackwardMethod | FixedPointBackward = "gmres"): Backward {
  const { method = "gmres", tolerance, maxIterations = 400 } = typeof given === "string" ? { method: given } : given;
  checkChoice("backward", method, backwardMethods);
  if (tolerance !== undefined) checkFraction("backward.tolerance", tolerance);
  checkCount("backward.maxIterations", maxIterations);
  return { method, tolerance, maxIterations };
}

function iterate(
  map: FixedPointLayerDefinition["map"],
  first: Tensor,
  theta: readonly Tensor[],
  batched: boolean,
  forward: AndersonOptions,
  solve: SolveOptions | undefined,
): FixedPoint {
  const { dtype, shape } = first;
  const g = (z: Float64Array) => {
    const image = noGrad(() => map(tensor(z, { dtype, shape: [...shape] }), ...theta));
    if (!(image instanceof Tensor))
      throw new LayerError(`fixedPointLayer: map returned a value of type ${typeof image}, expected a Tensor`);
    if (image.shape.join() === shape.join()) return Float64Array.from(image.data());
    const shapes = `(${image.shape.join(", ")}), expected that of start, (${shape.join(", ")})`;
    throw new LayerError(`fixedPointLayer: map returned shape ${shapes}`);
  };
  const tolerance = tolerances[dtype];
  return anderson(g, Float64Array.from(first.data()), batched ? shape[0] : 1, { tolerance, ...forward }, solve);
}

/** The fixed points, with the start in the items that have none. */
function fixedPoints({ z, status }: FixedPoint, failed: readonly number[], first: Tensor): Tensor {
  const { dtype, shape } = first;
  const values = z.slice();
  const width = z.length / status.length;
  const before = Float64Array.from(first.data());
  for (const i of failed) values.set(before.subarray(i * width, (i + 1) * width), i * width);
  return tensor(values, { dtype, shape: [...shape] });
}

/** The method as an adjoint solver that reports, and is not believed where it has not converged. */
function reported(
  { method, tolerance, maxIterations }: Backward,
  onBackward: FixedPointLayerDefinition["onBackward"],
): AdjointSolver {
  return (product, c, batched) => {
    const begin = performance.now();
    const bound = tolerance ?? tolerances[c.dtype];
    const { v, iterations, residual } = solveAdjoint(method, product, c, batched, { tolerance: bound, maxIterations });
    const inexact = method === "jacobianFree";
    if (Number.isNaN(residual)) {
      const where = "at the fixed point, or at the start of an item that is masked";
      throw new LayerError(`fixedPointLayer: the derivative of map is not finite ${where}`);
    }
    if (!inexact && method !== "direct" && !(residual <= bound)) {
      const reach = `after ${iterations} products the residual is ${residual.toExponential(1)}, over ${bound}`;
      const advice = method === "neumann" ? 'the map may be no contraction: use "gmres" or "direct"' : 'use "direct"';
      throw new LayerError(`fixedPointLayer: the backward pass by "${method}" did not converge: ${reach}; ${advice}`);
    }
    const left = `${residual.toExponential(1)} of the cotangent as residual`;
    const notes = inexact
      ? [`The gradient is inexact: v = c leaves ${left}.`]
      : residual > bound
        ? [`I - dF/dz is singular: the least-squares solution of least norm leaves ${left}.`]
        : [];
    onBackward?.({ iterations, milliseconds: performance.now() - begin, peakBytes: 8 * v.size, residual, notes });
    return v;
  };
}
