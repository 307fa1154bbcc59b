import type { Kernels } from "./kernels.ts";
import type { FloatArray, View } from "./view.ts";

/** Item `b` of a view with a leading batch axis. */
export function item<T extends FloatArray>(v: View<T>, b: number): View<T> {
  return { data: v.data, shape: v.shape.slice(1), stride: v.stride.slice(1), offset: v.offset + b * v.stride[0] };
}

type SingleKernels = Pick<Kernels, "gemm" | "gemv" | "syrk" | "trsm" | "potrf" | "potrs">;
type BatchedKernels = Pick<
  Kernels,
  "gemmBatched" | "gemvBatched" | "syrkBatched" | "trsmBatched" | "potrfBatched" | "potrsBatched"
>;

/** The batched forms as a loop over the items, one call of the single kernel each. */
export function itemByItem(single: SingleKernels): BatchedKernels {
  return {
    gemmBatched(alpha, A, B, beta, C) {
      for (let b = 0; b < C.shape[0]; b++) single.gemm(alpha, item(A, b), item(B, b), beta, item(C, b));
    },
    gemvBatched(alpha, A, x, beta, y) {
      for (let b = 0; b < y.shape[0]; b++) single.gemv(alpha, item(A, b), item(x, b), beta, item(y, b));
    },
    syrkBatched(alpha, A, beta, C) {
      for (let b = 0; b < C.shape[0]; b++) single.syrk(alpha, item(A, b), beta, item(C, b));
    },
    trsmBatched(triangle, alpha, T, B, unitDiagonal) {
      for (let b = 0; b < B.shape[0]; b++) single.trsm(triangle, alpha, item(T, b), item(B, b), unitDiagonal);
    },
    potrfBatched(A) {
      const failures = new Int32Array(A.shape[0]);
      for (let b = 0; b < failures.length; b++) failures[b] = single.potrf(item(A, b));
      return failures;
    },
    potrsBatched(L, B) {
      for (let b = 0; b < B.shape[0]; b++) single.potrs(item(L, b), item(B, b));
    },
  };
}
