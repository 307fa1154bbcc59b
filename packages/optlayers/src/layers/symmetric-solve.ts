import { customOp, type Tensor, tensor } from "@solvegrad/autograd";
import { leastNormSolution } from "../kkt/least-norm.ts";

/**
 * w = S^+ r in Tensor ops, for symmetric positive semidefinite S (p, p) or (B, p, p) and r (p, 1) or (B, p, 1), whose leading
 * axes agree: small p. With v = S^+ c the cotangents are v of r and -(v w' + w v')/2 of S, exact where S is regular.
 */
export function symmetricSolve(S: Tensor, r: Tensor): Tensor {
  const [result] = customOp(
    "symmetricSolve",
    [S, r],
    [solved(S, r).value],
    ([c]) => {
      if (!c) return [null, null];
      const v = symmetricSolve(S, c);
      const outer = v.matmul(result.swapLastTwo());
      return [outer.add(outer.swapLastTwo()).mul(-0.5), v];
    },
    { differentiable: true },
  );
  return result;
}

function solved(S: Tensor, r: Tensor): Tensor {
  const p = S.shape[S.rank - 1];
  const [matrices, sides] = [Float64Array.from(S.data()), Float64Array.from(r.data())];
  const values = new Float64Array(sides.length);
  for (let i = 0; i * p < sides.length; i++) {
    const M = matrices.subarray(i * p * p, (i + 1) * p * p);
    values.set(leastNormSolution(M, p, sides.subarray(i * p, (i + 1) * p)).x, i * p);
  }
  return tensor(values, { dtype: r.dtype, shape: [...r.shape] });
}
