import type { SparseMatrix } from "@solvegrad/linalg";
import { addTransposedProduct } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
import type { BoxProjection } from "../problem/box-projection.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import type { Residuals } from "./solver.ts";

interface BoxPoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly zeta: Float64Array;
}

/**
 * The KKT residuals of every item from the data and the point alone (infinity norms), with the objective 1/2 |x - y|^2 and
 * the largest residual relative to 1 plus the size of its terms (of Ax the sums of the absolute ones):
 *
 *     primal  max(|Ax - b|, max(lower - x, x - upper, 0)),    dual  |x - y + A'nu + zeta|,
 *     gap     |x'(x - y) + b'nu + upper'max(zeta, 0) + lower'min(zeta, 0)|.
 */
export function assessBoxProjection(problem: BoxProjection, matrices: readonly SparseMatrix[], point: BoxPoint) {
  const { n, p, batch } = problem;
  const residuals: Residuals = {
    primal: new Float64Array(batch),
    dual: new Float64Array(batch),
    gap: new Float64Array(batch),
  };
  const objective = new Float64Array(batch);
  const relative = new Float64Array(batch);
  for (let i = 0; i < batch; i++) {
    const x = point.x.subarray(i * n, (i + 1) * n);
    const nu = point.nu.subarray(i * p, (i + 1) * p);
    const zeta = point.zeta.subarray(i * n, (i + 1) * n);
    const [y, b, lower, upper] = [problem.y, problem.b, problem.lower, problem.upper].map((datum) => itemOf(datum, i));
    const stationarity = new Float64Array(n);
    const equations = b.map((value) => -value);
    addTransposedProduct(1, matrices[i], nu, stationarity);
    const force = maxAbs(stationarity);
    const terms = new Float64Array(p);
    const { indptr, indices, data } = matrices[i];
    for (let j = 0; j < n; j++) {
      for (let k = indptr[j]; k < indptr[j + 1]; k++) {
        equations[indices[k]] += data[k] * x[j];
        terms[indices[k]] += Math.abs(data[k] * x[j]);
      }
    }
    let violation = 0;
    let product = 0;
    let scale = 0;
    for (let r = 0; r < p; r++) {
      product += b[r] * nu[r];
      scale += Math.abs(b[r] * nu[r]);
    }
    for (let j = 0; j < n; j++) {
      const difference = x[j] - y[j];
      const bound = zeta[j] === 0 ? 0 : zeta[j] * (zeta[j] > 0 ? upper[j] : lower[j]);
      violation = Math.max(violation, lower[j] - x[j], x[j] - upper[j]);
      stationarity[j] += difference + zeta[j];
      product += x[j] * difference + bound;
      scale += Math.abs(x[j] * difference) + Math.abs(bound);
      objective[i] += difference ** 2 / 2;
    }
    residuals.primal[i] = Math.max(maxAbs(equations), violation);
    residuals.dual[i] = maxAbs(stationarity);
    residuals.gap[i] = Math.abs(product);
    relative[i] = Math.max(
      residuals.primal[i] / (1 + Math.max(maxAbs(b), maxAbs(terms))),
      residuals.dual[i] / (1 + Math.max(maxAbs(y), force)),
      residuals.gap[i] / (1 + scale),
    );
  }
  return { residuals, objective, relative };
}
