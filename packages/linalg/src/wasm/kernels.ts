import { columnConvolution } from "../convolution/columns.ts";
import type { Kernels, Triangle } from "../kernels.ts";
import { axpy, dot, ger } from "../reference/products.ts";
import type { FloatArray, View } from "../view.ts";
import {
  foldProduct,
  foldSolve,
  isEmpty,
  matrixWindow,
  transposedWindow,
  vectorWindow,
  type Window,
} from "../window.ts";
import type { WasmModule } from "./module.ts";
import { stage, unstage } from "./stage.ts";

/**
 * The kernels in WebAssembly. Operands are staged in its memory for the call; a single matrix is a batch of one. What
 * touches each entry once (dot, axpy, ger) stays in JavaScript: the copy would cost more than the work.
 */
export function wasmKernels(module: WasmModule): Kernels {
  const products = wasmProducts(module);
  const solves = wasmSolves(module);
  return {
    name: "wasm",
    description: `WebAssembly, ${module.variant}`,
    threads: 1,
    ...products,
    ...solves,
    dot,
    axpy,
    ger,
    gemmBatched: products.gemm,
    gemvBatched: products.gemv,
    syrkBatched: products.syrk,
    trsmBatched: solves.trsm,
    potrsBatched: solves.potrs,
    convolution: columnConvolution(module, products.gemm),
  };
}

const dtypeSuffix = (w: Window): "f32" | "f64" => (w.data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64");

function wasmProducts(module: WasmModule): Pick<Kernels, "gemm" | "gemv" | "syrk"> {
  function matrixProduct<T extends FloatArray>(alpha: number, a: Window<T>, b: Window<T>, beta: number, c: Window<T>) {
    if (isEmpty(c)) return;
    module.clear();
    const A = stage(module, a, "read");
    const B = stage(module, b, "read");
    const C = stage(module, c, beta === 0 ? "write" : "update");
    module.exports[`gemm_${dtypeSuffix(c)}`](
      ...[c.count, c.rows, c.columns, a.columns, alpha, A.address, A.item, A.row, A.column],
      ...[B.address, B.item, B.row, B.column, beta, C.address, C.item, C.row, C.column],
    );
    unstage(module, C, c);
  }

  function matrixVector<T extends FloatArray>(alpha: number, a: Window<T>, x: Window<T>, beta: number, y: Window<T>) {
    if (isEmpty(y)) return;
    module.clear();
    const A = stage(module, a, "read");
    const X = stage(module, x, "read");
    const Y = stage(module, y, beta === 0 ? "write" : "update");
    module.exports[`gemv_${dtypeSuffix(y)}`](
      ...[y.count, a.rows, a.columns, alpha, A.address, A.item, A.row, A.column],
      ...[X.address, X.item, beta, Y.address, Y.item],
    );
    unstage(module, Y, y);
  }

  /** A product with a single row or column is a matrix-vector product. */
  function product<T extends FloatArray>(alpha: number, a: Window<T>, b: Window<T>, beta: number, c: Window<T>) {
    if (c.columns === 1) matrixVector(alpha, a, b, beta, c);
    else if (c.rows === 1) matrixVector(alpha, transposedWindow(b), transposedWindow(a), beta, transposedWindow(c));
    else matrixProduct(alpha, a, b, beta, c);
  }

  return {
    gemm<T extends FloatArray>(alpha: number, A: View<T>, B: View<T>, beta: number, C: View<T>) {
      const [a, b, c] = foldProduct(matrixWindow(A), matrixWindow(B), matrixWindow(C));
      product(alpha, a, b, beta, c);
    },
    gemv<T extends FloatArray>(alpha: number, A: View<T>, x: View<T>, beta: number, y: View<T>) {
      const [a, b, c] = foldProduct(matrixWindow(A), vectorWindow(x), vectorWindow(y));
      product(alpha, a, b, beta, c);
    },
    syrk<T extends FloatArray>(alpha: number, A: View<T>, beta: number, C: View<T>) {
      const a = matrixWindow(A);
      const c = matrixWindow(C);
      if (isEmpty(c)) return;
      module.clear();
      const from = stage(module, a, "read");
      const to = stage(module, c, beta === 0 ? "write" : "update");
      module.exports[`syrk_${dtypeSuffix(c)}`](
        ...[c.count, c.rows, a.columns, alpha, from.address, from.item, from.row, from.column],
        ...[beta, to.address, to.item, to.row, to.column],
      );
      unstage(module, to, c);
    },
  };
}

function wasmSolves(module: WasmModule): Pick<Kernels, "trsm" | "trsv" | "potrf" | "potrs" | "potrfBatched"> {
  function triangularSolve<T extends FloatArray>(
    triangle: Triangle,
    alpha: number,
    [t, b]: Window<T>[],
    unitDiagonal: boolean,
  ) {
    if (isEmpty(b)) return;
    module.clear();
    const T = stage(module, t, "read");
    const B = stage(module, b, "update");
    module.exports[`trsm_${dtypeSuffix(b)}`](
      ...[b.count, triangle === "lower" ? 1 : 0, b.rows, b.columns, alpha, T.address, T.item, T.row, T.column],
      ...[B.address, B.item, B.row, B.column, unitDiagonal ? 1 : 0],
    );
    unstage(module, B, b);
  }

  function factor<T extends FloatArray>(a: Window<T>): Int32Array {
    if (isEmpty(a)) return new Int32Array(a.count);
    module.clear();
    const failures = module.push(4 * a.count);
    const A = stage(module, a, "update");
    module.exports[`potrf_${dtypeSuffix(a)}`](a.count, a.rows, A.address, A.item, A.row, A.column, failures);
    unstage(module, A, a);
    return new Int32Array(module.buffer, failures, a.count).slice();
  }

  return {
    trsm(triangle, alpha, T, B, unitDiagonal = false) {
      triangularSolve(triangle, alpha, foldSolve(matrixWindow(T), matrixWindow(B)), unitDiagonal);
    },
    trsv(triangle, T, x, unitDiagonal = false) {
      triangularSolve(triangle, 1, [matrixWindow(T), vectorWindow(x)], unitDiagonal);
    },
    potrf: (A) => factor(matrixWindow(A))[0] ?? 0,
    potrfBatched: (A) => factor(matrixWindow(A)),
    potrs(L, B) {
      const [l, b] = foldSolve(matrixWindow(L), matrixWindow(B));
      if (isEmpty(b)) return;
      module.clear();
      const factors = stage(module, l, "read");
      const X = stage(module, b, "update");
      module.exports[`potrs_${dtypeSuffix(b)}`](
        ...[b.count, b.rows, b.columns, factors.address, factors.item, factors.row, factors.column],
        ...[X.address, X.item, X.row, X.column],
      );
      unstage(module, X, b);
    },
  };
}
