import { type Tensor, tensor } from "@solvegrad/autograd";

/** Generic numbers of both signs, none near 0, no two of one magnitude: safe from kinks and ties. */
export function generic(shape: readonly number[], seed = 0): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = Float64Array.from({ length: size }, (_, i) => {
    const t = (i + 1) * 0.6180339887498949 + seed * 0.4142135623730951;
    const u = t - Math.floor(t);
    return (i % 2 === 0 ? 1 : -1) * (0.3 + u);
  });
  return tensor(data, { shape });
}

/** The same, all positive. */
export function positive(shape: readonly number[], seed = 0): Tensor {
  return generic(shape, seed).abs();
}

/** A well-conditioned symmetric positive definite batch: M M' + n I. */
export function positiveDefinite(batch: readonly number[], n: number): Tensor {
  const M = generic([...batch, n, n]);
  const identity = tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? n : 0))));
  return M.matmul(M.swapLastTwo()).add(identity);
}

/** Lower triangular with a diagonal well away from 0. */
export function lowerTriangular(batch: readonly number[], n: number): Tensor {
  const mask = tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (j <= i ? 1 : 0))));
  const diagonal = tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 2 : 0))));
  return positive([...batch, n, n])
    .mul(mask)
    .add(diagonal);
}
