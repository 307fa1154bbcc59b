import { neg, type Tensor } from "@solvegrad/autograd";
import { fromTriplets, type Triplet } from "@solvegrad/linalg";
import {
  type SparseQuadraticLayerOptions,
  sparseAdmm,
  sparseAlternating,
  sparseImplicit,
  sparseInteriorPoint,
  sparsemaxLayer,
  sparseQuadraticLayer,
} from "@solvegrad/optlayers";
import type { TimedLayer } from "./layer-times.ts";

/** The constrained sparsemax layer by its structure. */
export const structured: TimedLayer = ({ y, u }) => sparsemaxLayer({ y, u }, { onFailure: "mask" });

/**
 * The same layer for general sparse QPs, Q = I, q = -y, 1'x = 1 and 0 <= x <= u, by interior point and the KKT conditions, and by ADMM
 * and its recursion.
 */
export function generalSparse(n: number, tolerance: number): Readonly<Record<"implicit" | "alternating", TimedLayer>> {
  const diagonal = Array.from({ length: n }, (_, i): Triplet => [i, i, 1]);
  const row = Array.from({ length: n }, (_, j): Triplet => [0, j, 1]);
  const constant = {
    Q: fromTriplets([n, n], diagonal),
    A: fromTriplets([1, n], row),
    b: Float64Array.of(1),
    lower: new Float64Array(n),
  };
  const layer =
    (options: SparseQuadraticLayerOptions): TimedLayer =>
    ({ y, u }: Readonly<Record<string, Tensor>>) =>
      sparseQuadraticLayer({ ...constant, q: neg(y), upper: u }, { ...options, onFailure: "mask" });
  const truncated = sparseAlternating({ truncate: tolerance });
  return {
    implicit: layer({ solver: sparseInteriorPoint({ tolerance }), differentiation: sparseImplicit() }),
    alternating: layer({ solver: sparseAdmm({ tolerance }), differentiation: truncated }),
  };
}
