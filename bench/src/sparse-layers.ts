/**
 * The sparse layer on a chain, called and its loss run backwards as a training step does it: x is the signal nearest to y that changes
 * by at most r from sample to sample,
 *
 *     minimize 1/2 |x - y|^2   subject to   -r <= x_i+1 - x_i <= r.
 *
 * Per rule and size the median milliseconds of a call, and of forward and backward together, by benchmark.js, and how far
 * the gradient in y is from the implicit one.
 *
 *     npm run bench:sparse-layers [-- n ..]
 */
import { grad, noGrad, random, type Tensor, tensor } from "@solvegrad/autograd";
import { fromTriplets, type Triplet } from "@solvegrad/linalg";
import {
  type SparseQuadraticBatchData,
  type SparseQuadraticLayerOptions,
  sparseAdmm,
  sparseAlternating,
  sparseImplicit,
  sparseInteriorPoint,
  sparseQuadraticLayer,
  sparseUnrolled,
} from "@solvegrad/optlayers";
import { medianMilliseconds } from "./median-milliseconds.ts";

const limit = 0.1;
const methods: Record<string, SparseQuadraticLayerOptions> = {
  "interior point, implicit": { solver: sparseInteriorPoint(), differentiation: sparseImplicit() },
  "ADMM, implicit": { solver: sparseAdmm(), differentiation: sparseImplicit() },
  "ADMM, alternating": { solver: sparseAdmm(), differentiation: sparseAlternating() },
  "ADMM, alternating to 1e-3": { solver: sparseAdmm(), differentiation: sparseAlternating({ truncate: 1e-3 }) },
  "ADMM, unrolled": { solver: sparseAdmm(), differentiation: sparseUnrolled() },
};

/** A sine with noise; Q = I, and row i of G is x_i+1 - x_i. */
function chain(n: number): SparseQuadraticBatchData & { readonly q: Tensor } {
  const noise = random(4).normal([n]).data();
  const y = Float64Array.from({ length: n }, (_, i) => 3 * Math.sin(i / 50) + noise[i] / 2);
  const rows = Array.from({ length: n - 1 }, (_, i) => i);
  return {
    Q: fromTriplets(
      [n, n],
      Array.from(y, (_, i): Triplet => [i, i, 1]),
    ),
    q: tensor(
      y.map((value) => -value),
      { requiresGrad: true },
    ),
    G: fromTriplets(
      [n - 1, n],
      rows.flatMap((i): Triplet[] => [
        [i, i, -1],
        [i, i + 1, 1],
      ]),
    ),
    l: new Float64Array(n - 1).fill(-limit),
    u: new Float64Array(n - 1).fill(limit),
  };
}

/** The gradient of |x|^2 in q. */
function gradientBy(
  data: SparseQuadraticBatchData & { readonly q: Tensor },
  options: SparseQuadraticLayerOptions,
): Float64Array {
  const [gradient] = grad(sparseQuadraticLayer(data, options).x.square().sum(), [data.q]);
  return Float64Array.from(gradient.data());
}

const largest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 10_000];
console.log("n      method                       forward  forward and backward  gradient off by");
for (const n of sizes) {
  const data = chain(n);
  const reference = gradientBy(data, methods["interior point, implicit"]);
  for (const [name, options] of Object.entries(methods)) {
    const gradient = gradientBy(data, options);
    const off = largest(gradient.map((value, k) => value - reference[k])) / largest(reference);
    const forward = medianMilliseconds(() => noGrad(() => sparseQuadraticLayer(data, options)));
    const both = medianMilliseconds(() => gradientBy(data, options));
    const cells = [forward.toFixed(1).padStart(7), both.toFixed(1).padStart(20), off.toExponential(1).padStart(15)];
    console.log(`${String(n).padEnd(7)}${name.padEnd(27)}  ${cells.join("  ")}`);
  }
}
