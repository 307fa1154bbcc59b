import { type Tensor, tensor } from "@solvegrad/autograd";
import { isUsable, type Status } from "../solvers/solver.ts";

/** 1 in the entries of the items that have a usable solution, 0 in the others: of the shape and dtype of the results, a row an item. */
export function usableMask(
  status: readonly Status[],
  { size, shape, dtype }: Pick<Tensor, "size" | "shape" | "dtype">,
): Tensor {
  const width = size / status.length;
  const values = Float64Array.from({ length: size }, (_, k) => (isUsable(status[Math.floor(k / width)]) ? 1 : 0));
  return tensor(values, { dtype, shape: [...shape] });
}
