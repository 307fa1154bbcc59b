import type { MatrixKernels } from "../kernels.ts";
import type { View } from "../view.ts";

// Where one call of the library an item, and its threads, cost more than its faster arithmetic saves (measured).
const SMALL_PRODUCT = 32 ** 3;
const SMALL_SYMMETRIC = 48 ** 3;
const SMALL_VECTOR_PRODUCT = 64 ** 2;
const SMALL_FACTOR = 128;
const SMALL_SOLVE = 48;
const SMALL_VECTOR_SOLVE = 64;

/** The native kernels, with small problems and batches of them handed to the wasm kernels, which loop over a batch inside. */
export function smallInWasm(native: MatrixKernels, wasm: MatrixKernels): MatrixKernels {
  const multiply = (A: View, C: View) => (last(A) * last(C) * rows(C) <= SMALL_PRODUCT ? wasm : native);
  const symmetric = (A: View, C: View) => (last(A) * rows(C) * last(C) <= SMALL_SYMMETRIC ? wasm : native);
  const apply = (A: View) => (rows(A) * last(A) <= SMALL_VECTOR_PRODUCT ? wasm : native);
  const factor = (A: View) => (last(A) <= SMALL_FACTOR ? wasm : native);
  const solve = (T: View, B: View) => (last(T) <= (last(B) === 1 ? SMALL_VECTOR_SOLVE : SMALL_SOLVE) ? wasm : native);
  return {
    ...native,
    gemm: (alpha, A, B, beta, C) => multiply(A, C).gemm(alpha, A, B, beta, C),
    gemmBatched: (alpha, A, B, beta, C) => multiply(A, C).gemmBatched(alpha, A, B, beta, C),
    gemv: (alpha, A, x, beta, y) => apply(A).gemv(alpha, A, x, beta, y),
    gemvBatched: (alpha, A, x, beta, y) => apply(A).gemvBatched(alpha, A, x, beta, y),
    syrk: (alpha, A, beta, C) => symmetric(A, C).syrk(alpha, A, beta, C),
    syrkBatched: (alpha, A, beta, C) => symmetric(A, C).syrkBatched(alpha, A, beta, C),
    trsm: (triangle, alpha, T, B, unit) => solve(T, B).trsm(triangle, alpha, T, B, unit),
    trsmBatched: (triangle, alpha, T, B, unit) => solve(T, B).trsmBatched(triangle, alpha, T, B, unit),
    trsv: (triangle, T, x, unit) => (last(T) <= SMALL_VECTOR_SOLVE ? wasm : native).trsv(triangle, T, x, unit),
    potrf: (A) => factor(A).potrf(A),
    potrfBatched: (A) => factor(A).potrfBatched(A),
    potrs: (L, B) => solve(L, B).potrs(L, B),
    potrsBatched: (L, B) => solve(L, B).potrsBatched(L, B),
  };
}

const rows = (v: View): number => v.shape[v.shape.length - 2];
const last = (v: View): number => v.shape[v.shape.length - 1];
