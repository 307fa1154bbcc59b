import { customOp, type Tensor, tensor } from "@solvegrad/autograd";

type ItemSolve = (item: number, r: Float64Array) => Float64Array;

/**
 * w = S^+ r in Tensor ops, for symmetric positive semidefinite S (p, p) or (B, p, p) and r (p, 1) or (B, p, 1), whose leading
 * axes agree: small p. `solve` gives S^+ r of one item by numbers. With v = S^+ c the cotangents are v of r and -(v w' + w v')/2 of S, exact where S is regular.
 */
export function symmetricSolve(S: Tensor, r: Tensor, solve: ItemSolve): Tensor {
  const [result] = customOp(
    "symmetricSolve",
    [S, r],
    [solved(r, solve).value],
    ([c]) => {
      if (!c) return [null, null];
      const v = symmetricSolve(S, c, solve);
      const outer = v.matmul(result.swapLastTwo());
      return [outer.add(outer.swapLastTwo()).mul(-0.5), v];
    },
    { differentiable: true },
  );
  return result;
}

function solved(r: Tensor, solve: ItemSolve): Tensor {
  const p = r.shape[r.rank - 2];
  const sides = Float64Array.from(r.data());
  const values = new Float64Array(sides.length);
  for (let i = 0; i * p < sides.length; i++) values.set(solve(i, sides.subarray(i * p, (i + 1) * p)), i * p);
  return tensor(values, { dtype: r.dtype, shape: [...r.shape] });
}
