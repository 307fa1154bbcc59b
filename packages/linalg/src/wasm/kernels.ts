import { columnConvolution } from "../convolution/columns.ts";
import type { Kernels, Triangle } from "../kernels.ts";
import { axpy, dot, ger } from "../reference/products.ts";
import { stagedAdam } from "../update/adam.ts";
import type { FloatArray, View } from "../view.ts";
import {
  columnsOf,
  foldProduct,
  foldSolve,
  inChunks,
  isEmpty,
  matrixWindow,
  rowsOf,
  transposedWindow,
  vectorWindow,
  type Window,
} from "../window.ts";
import type { WasmModule } from "./module.ts";
import { isLargeByRows, stage, stageLower, unstage, unstageLower } from "./stage.ts";

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
    adam: stagedAdam(module),
    convolution: columnConvolution(module, products.gemm),
  };
}

const dtypeSuffix = (w: Window): "f32" | "f64" => (w.data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64");

/** A batch is staged a part at a time, small enough for the second-level cache. */
const CHUNK_BYTES = 256 * 1024;

function wasmProducts(module: WasmModule): Pick<Kernels, "gemm" | "gemv" | "syrk"> {
  function matrixProduct<T extends FloatArray>(alpha: number, a: Window<T>, b: Window<T>, beta: number, c: Window<T>) {
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

  /**
   * One large matrix is staged and used a part at a time, rows or columns by what lies together in memory: the copy then
   * stays in the cache between the two.
   */
  function inParts<T extends FloatArray>(alpha: number, a: Window<T>, x: Window<T>, beta: number, y: Window<T>) {
    const entries = CHUNK_BYTES / a.data.BYTES_PER_ELEMENT;
    const staged = a.data.buffer !== module.buffer && a.count === 1 && a.rows * a.columns > entries;
    if (!staged) {
      matrixVector(alpha, a, x, beta, y);
    } else if (Math.abs(a.column) <= Math.abs(a.row)) {
      const step = Math.max(8, Math.floor(entries / a.columns));
      for (let i = 0; i < a.rows; i += step) {
        matrixVector(alpha, rowsOf(a, i, step), x, beta, rowsOf(y, i, step));
      }
    } else {
      const step = Math.max(8, Math.floor(entries / a.rows));
      for (let j = 0; j < a.columns; j += step) {
        matrixVector(alpha, columnsOf(a, j, step), rowsOf(x, j, step), j === 0 ? beta : 1, y);
      }
    }
  }

  /** A product with a single row or column is a matrix-vector product. */
  function product<T extends FloatArray>(alpha: number, operands: readonly Window<T>[], beta: number) {
    if (isEmpty(operands[2])) return;
    inChunks(CHUNK_BYTES, operands, ([a, b, c]) => {
      if (c.columns === 1) inParts(alpha, a, b, beta, c);
      else if (c.rows === 1) inParts(alpha, transposedWindow(b), transposedWindow(a), beta, transposedWindow(c));
      else matrixProduct(alpha, a, b, beta, c);
    });
  }

  function symmetricProduct<T extends FloatArray>(alpha: number, a: Window<T>, beta: number, c: Window<T>) {
    module.clear();
    const A = stage(module, a, "read");
    const C = stage(module, c, beta === 0 ? "write" : "update");
    module.exports[`syrk_${dtypeSuffix(c)}`](
      ...[c.count, c.rows, a.columns, alpha, A.address, A.item, A.row, A.column],
      ...[beta, C.address, C.item, C.row, C.column],
    );
    unstage(module, C, c);
  }

  return {
    gemm<T extends FloatArray>(alpha: number, A: View<T>, B: View<T>, beta: number, C: View<T>) {
      product(alpha, foldProduct(matrixWindow(A), matrixWindow(B), matrixWindow(C)), beta);
    },
    gemv<T extends FloatArray>(alpha: number, A: View<T>, x: View<T>, beta: number, y: View<T>) {
      product(alpha, foldProduct(matrixWindow(A), vectorWindow(x), vectorWindow(y)), beta);
    },
    syrk<T extends FloatArray>(alpha: number, A: View<T>, beta: number, C: View<T>) {
      const c = matrixWindow(C);
      if (isEmpty(c)) return;
      inChunks(CHUNK_BYTES, [matrixWindow(A), c], ([from, to]) => symmetricProduct(alpha, from, beta, to));
    },
  };
}

function wasmSolves(module: WasmModule): Pick<Kernels, "trsm" | "trsv" | "potrf" | "potrs" | "potrfBatched"> {
  function triangularSolve<T extends FloatArray>(
    triangle: Triangle,
    alpha: number,
    operands: readonly Window<T>[],
    unitDiagonal: boolean,
  ) {
    if (isEmpty(operands[1])) return;
    inChunks(CHUNK_BYTES, operands, ([t, b]) => {
      module.clear();
      const T = stage(module, t, "read");
      const B = stage(module, b, "update");
      module.exports[`trsm_${dtypeSuffix(b)}`](
        ...[b.count, triangle === "lower" ? 1 : 0, b.rows, b.columns, alpha, T.address, T.item, T.row, T.column],
        ...[B.address, B.item, B.row, B.column, unitDiagonal ? 1 : 0],
      );
      unstage(module, B, b);
    });
  }

  function factor<T extends FloatArray>(matrices: Window<T>): Int32Array {
    const failures = new Int32Array(matrices.count);
    if (isEmpty(matrices)) return failures;
    inChunks(CHUNK_BYTES, [matrices], ([a], first) => {
      module.clear();
      const statuses = module.push(4 * a.count);
      const lowerOnly = isLargeByRows(module, a);
      const A = lowerOnly ? stageLower(module, a) : stage(module, a, "update");
      module.exports[`potrf_${dtypeSuffix(a)}`](a.count, a.rows, A.address, A.item, A.row, A.column, statuses);
      if (lowerOnly) unstageLower(module, A, a);
      else unstage(module, A, a);
      failures.set(new Int32Array(module.buffer, statuses, a.count), first);
    });
    return failures;
  }

  function solve<T extends FloatArray>(operands: readonly Window<T>[]) {
    if (isEmpty(operands[1])) return;
    inChunks(CHUNK_BYTES, operands, ([l, b]) => {
      module.clear();
      const L = stage(module, l, "read");
      const B = stage(module, b, "update");
      module.exports[`potrs_${dtypeSuffix(b)}`](
        ...[b.count, b.rows, b.columns, L.address, L.item, L.row, L.column],
        ...[B.address, B.item, B.row, B.column],
      );
      unstage(module, B, b);
    });
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
    potrs: (L, B) => solve(foldSolve(matrixWindow(L), matrixWindow(B))),
  };
}
