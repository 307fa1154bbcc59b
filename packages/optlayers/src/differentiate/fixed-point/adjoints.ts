import { type Tensor, tensor } from "@solvegrad/autograd";
import { gmres } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import { denseAdjoint } from "../../layers/root-adjoint.ts";

/** How the backward pass of a fixed point solves (I - J)' v = c, J = dF/dz. */
export const backwardMethods = ["gmres", "neumann", "direct", "jacobianFree"] as const;
export type BackwardMethod = (typeof backwardMethods)[number];

export interface BackwardLimits {
  /** Bound on the largest entry of c - (I - J)' v over that of c. */
  readonly tolerance: number;
  /** Most products with J'. */
  readonly maxIterations: number;
}

/** v with what it took, and its residual relative to c. */
export interface AdjointSolution {
  readonly v: Tensor;
  readonly iterations: number;
  readonly residual: number;
}

type Method = (
  product: (v: Tensor) => Tensor,
  c: Tensor,
  limits: BackwardLimits,
  batched: boolean,
) => Omit<AdjointSolution, "residual">;

/** v by the method, with the residual recomputed from v; `product` is v -> (I - J)' v. */
export function solveAdjoint(
  method: BackwardMethod,
  product: (v: Tensor) => Tensor,
  c: Tensor,
  batched: boolean,
  limits: BackwardLimits,
): AdjointSolution {
  const { v, iterations } = methods[method](product, c, limits, batched);
  const size = largest(c);
  const residual = size === 0 ? 0 : largest(c.sub(product(v))) / size;
  return { v, iterations, residual };
}

const methods: Record<BackwardMethod, Method> = { gmres: byGmres, neumann, direct, jacobianFree };

/** The sum of the Neumann series v = c + J'c + J'J'c + ..., which converges where the spectral radius of J is below 1. */
function neumann(product: (v: Tensor) => Tensor, c: Tensor, { tolerance, maxIterations }: BackwardLimits) {
  const size = largest(c);
  let v = c;
  for (let iterations = 1; iterations <= maxIterations; iterations++) {
    const rest = c.sub(product(v));
    const change = largest(rest);
    if (!(change > tolerance * size && change < Infinity)) return { v, iterations };
    v = v.add(rest);
  }
  return { v, iterations: maxIterations };
}

/** Most vectors that GMRES holds at once. */
const cycleLength = 40;

function byGmres(product: (v: Tensor) => Tensor, c: Tensor, { tolerance, maxIterations }: BackwardLimits) {
  const shaped = (values: Float64Array) => tensor(values, { dtype: c.dtype, shape: [...c.shape] });
  const v = new Float64Array(c.size);
  const maxSteps = Math.min(cycleLength, maxIterations);
  const { steps } = gmres((x) => Float64Array.from(product(shaped(x)).data()), Float64Array.from(c.data()), v, {
    // the norm that GMRES reduces bounds the largest entry
    tolerance: tolerance / Math.sqrt(c.size),
    maxSteps,
    cycles: Math.ceil(maxIterations / maxSteps),
    stopsWhenSlow: false,
  });
  return { v: shaped(v), iterations: steps };
}

function direct(product: (v: Tensor) => Tensor, c: Tensor, _limits: BackwardLimits, batched: boolean) {
  return { v: denseAdjoint(product, c, batched), iterations: 0 };
}

/**
 * v = c: the Jacobian-free backpropagation of Fung et al., "JFB" (2022), the Neumann series cut after its first term. Not the
 * gradient, but a direction that makes an acute angle with it where the map contracts enough.
 */
function jacobianFree(_product: (v: Tensor) => Tensor, c: Tensor) {
  return { v: c, iterations: 0 };
}

function largest(value: Tensor): number {
  return maxAbs(Float64Array.from(value.data()));
}
