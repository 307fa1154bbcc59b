import type { EntropyProgram } from "../../problem/entropy-program.ts";
import { allItems, applyTransposedDatum, offsetOf } from "../../problem/products.ts";
import { type Assessment, assessWith, type ObjectiveTerms, type PrimalDualPoint } from "../residuals.ts";

/**
 * `assess` for entropy programs: the gradient of the objective is log x + 1 - y. An x that has underflowed to 0 is
 * stationary where exp(y - 1 - A'nu - G'lambda) does underflow.
 */
export function assessEntropy(problem: EntropyProgram, point: PrimalDualPoint): Assessment {
  return assessWith(problem, point, entropyTerms(problem, point));
}

const smallestNormal = 2 ** -1022;

function entropyTerms(problem: EntropyProgram, { x, nu, lambda }: PrimalDualPoint): ObjectiveTerms {
  const { n, p, m, batch, y } = problem;
  const force = new Float64Array(batch * n);
  if (p > 0) applyTransposedDatum(1, problem.A, nu, 0, force, allItems(batch));
  if (m > 0) applyTransposedDatum(1, problem.G, lambda, 1, force, allItems(batch));
  const gradient = new Float64Array(batch * n);
  const [scale, product, productScale, value] = Array.from({ length: 4 }, () => new Float64Array(batch));
  for (let i = 0; i < batch; i++) {
    for (let j = 0, k = i * n, at = offsetOf(y, i); j < n; j++, k++) {
      const yj = y.values[at + j];
      const logarithm = Math.log(Math.max(x[k], smallestNormal));
      gradient[k] = logarithm + 1 - yj;
      if (x[k] < smallestNormal) gradient[k] = Math.min(gradient[k], -force[k]);
      scale[i] = Math.max(scale[i], Math.abs(logarithm), Math.abs(yj));
      product[i] += x[k] * gradient[k];
      productScale[i] += Math.abs(x[k] * (logarithm + 1)) + Math.abs(x[k] * yj);
      value[i] += x[k] * (logarithm - yj);
    }
  }
  return { gradient, scale, product, productScale, value };
}
