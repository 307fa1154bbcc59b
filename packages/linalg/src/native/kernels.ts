import { item } from "../batch.ts";
import type { Kernels, MatrixKernels, Triangle } from "../kernels.ts";
import * as reference from "../reference/products.ts";
import type { FloatArray, View } from "../view.ts";
import {
  foldProduct,
  foldSolve,
  isEmpty,
  itemOf,
  matrixWindow,
  transposedWindow,
  vectorWindow,
  type Window,
} from "../window.ts";
import type { Blas, BlasRoutines } from "./library.ts";
import {
  COLUMN_MAJOR,
  input,
  LEFT,
  LOWER,
  NO_TRANSPOSE,
  NON_UNIT,
  TRANSPOSE,
  UNIT,
  UPPER,
  vector,
  withOutput,
  withVector,
} from "./operand.ts";

/** Below this length a loop costs less than the call. */
const SHORT = 128;

/** What an entry of a matrix that is read once costs, in floating-point operations of a product. */
const memoryBound = 16;

/** The kernels in BLAS and LAPACK. A batch is folded into one call where that is possible, and otherwise one call an item. */
export function nativeKernels(blas: Blas): MatrixKernels {
  const products = nativeProducts(blas);
  const solves = nativeSolves(blas);
  return {
    ...products,
    ...solves,
    ...nativeVectors(blas),
    gemmBatched: products.gemm,
    gemvBatched: products.gemv,
    syrkBatched: products.syrk,
    trsmBatched: solves.trsm,
    potrsBatched: solves.potrs,
    potrfBatched: (A) => Int32Array.from({ length: A.shape[0] }, (_, i) => solves.potrf(item(A, i))),
  };
}

function routinesOf(blas: Blas, data: FloatArray): BlasRoutines {
  return data instanceof Float32Array ? blas.float32 : blas.float64;
}

function nativeProducts(blas: Blas): Pick<Kernels, "gemm" | "gemv" | "syrk"> {
  function matrixProduct(alpha: number, a: Window, b: Window, beta: number, c: Window): void {
    const A = input(a);
    const B = input(b);
    withOutput(c, (C) => {
      const transpose = (operand: { order: number }) => (operand.order === C.order ? NO_TRANSPOSE : TRANSPOSE);
      blas.prepare(2 * c.rows * c.columns * a.columns);
      routinesOf(blas, c.data).gemm(
        ...[C.order, transpose(A), transpose(B), c.rows, c.columns, a.columns],
        ...[alpha, A.start, A.leading, B.start, B.leading, beta, C.start, C.leading],
      );
    });
  }

  function matrixVector(alpha: number, a: Window, x: Window, beta: number, y: Window): void {
    if (a.columns === 0 || beta === 0) scale(beta, y);
    if (a.columns === 0) return;
    const A = input(a);
    const X = vector(x);
    withVector(y, (start, step) => {
      blas.prepare(memoryBound * a.rows * a.columns);
      routinesOf(blas, y.data).gemv(
        ...[A.order, NO_TRANSPOSE, a.rows, a.columns, alpha, A.start, A.leading],
        ...[X.start, X.step, beta, start, step],
      );
    });
  }

  function product(alpha: number, a: Window, b: Window, beta: number, c: Window): void {
    if (isEmpty(c)) return;
    for (let i = 0; i < c.count; i++) {
      const [A, B, C] = [itemOf(a, i), itemOf(b, i), itemOf(c, i)];
      if (c.columns === 1) matrixVector(alpha, A, B, beta, C);
      else if (c.rows === 1) matrixVector(alpha, transposedWindow(B), transposedWindow(A), beta, transposedWindow(C));
      else if (a.columns === 0) scale(beta, C);
      else matrixProduct(alpha, A, B, beta, C);
    }
  }

  function symmetricProduct(alpha: number, a: Window, beta: number, c: Window): void {
    if (a.columns === 0) scale(beta, c);
    else {
      const A = input(a);
      withOutput(c, (C) => {
        const transpose = A.order === C.order ? NO_TRANSPOSE : TRANSPOSE;
        blas.prepare(c.rows * c.rows * a.columns);
        routinesOf(blas, c.data).syrk(
          ...[C.order, LOWER, transpose, c.rows, a.columns, alpha, A.start, A.leading, beta, C.start, C.leading],
        );
      });
    }
    mirrorLower(c);
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
      for (let i = 0; i < c.count; i++) symmetricProduct(alpha, itemOf(a, i), beta, itemOf(c, i));
    },
  };
}

/** C <- beta C of one item; zero where beta = 0, whatever stood there. */
function scale(beta: number, c: Window): void {
  for (let i = 0; i < c.rows; i++) {
    let at = c.offset + i * c.row;
    for (let j = 0; j < c.columns; j++, at += c.column) c.data[at] = beta === 0 ? 0 : beta * c.data[at];
  }
}

/** Side of the blocks in which a triangle is mirrored, so that both sides stay in the cache. */
const MIRROR_BLOCK = 32;

function mirrorLower(c: Window): void {
  const { data, offset, rows: n, row, column } = c;
  for (let i = 0; i < n; i += MIRROR_BLOCK) {
    const lastRow = Math.min(i + MIRROR_BLOCK, n);
    for (let j = 0; j <= i; j += MIRROR_BLOCK) {
      for (let r = i; r < lastRow; r++) {
        const lastColumn = Math.min(j + MIRROR_BLOCK, r);
        let lower = offset + r * row + j * column;
        let upper = offset + j * row + r * column;
        for (let s = j; s < lastColumn; s++, lower += column, upper += row) data[upper] = data[lower];
      }
    }
  }
}

function nativeSolves(blas: Blas): Pick<Kernels, "trsm" | "trsv" | "potrf" | "potrs"> {
  const order = Int32Array.of(0);
  const leading = Int32Array.of(0);
  const info = Int32Array.of(0);
  const upperLetter = Uint8Array.of("U".charCodeAt(0));
  const lowerLetter = Uint8Array.of("L".charCodeAt(0));

  /** B <- alpha T^-1 B of one item. A triangle stored in the other order than B is the transpose of the other triangle. */
  function solve(triangle: Triangle, alpha: number, t: Window, b: Window, unitDiagonal: boolean): void {
    const T = input(t);
    const diagonal = unitDiagonal ? UNIT : NON_UNIT;
    const uplo = triangle === "lower" ? LOWER : UPPER;
    const routines = routinesOf(blas, b.data);
    if (b.columns === 1 && alpha === 1) {
      blas.prepare(memoryBound * b.rows * b.rows);
      withVector(b, (start, step) => {
        routines.trsv(T.order, uplo, NO_TRANSPOSE, diagonal, b.rows, T.start, T.leading, start, step);
      });
      return;
    }
    withOutput(b, (B) => {
      const same = T.order === B.order;
      blas.prepare(b.rows * b.rows * b.columns);
      routines.trsm(
        ...[B.order, LEFT, same ? uplo : UPPER + LOWER - uplo, same ? NO_TRANSPOSE : TRANSPOSE, diagonal],
        ...[b.rows, b.columns, alpha, T.start, T.leading, B.start, B.leading],
      );
    });
  }

  /** Row-major lower is LAPACK's (column-major) upper. Not every LAPACK notices NaN: the factor's diagonal is searched. */
  function cholesky(a: Window): number {
    if (isEmpty(a)) return 0;
    withOutput(a, (A) => {
      order[0] = a.rows;
      leading[0] = A.leading;
      const uplo = A.order === COLUMN_MAJOR ? lowerLetter : upperLetter;
      blas.prepare(a.rows ** 3 / 3);
      routinesOf(blas, a.data).potrf(uplo, order, A.start, leading, info, 1);
    });
    if (info[0] !== 0) return info[0];
    for (let k = 0; k < a.rows; k++) {
      if (Number.isNaN(a.data[a.offset + k * (a.row + a.column)])) return k + 1;
    }
    return 0;
  }

  return {
    trsm(triangle, alpha, T, B, unitDiagonal = false) {
      const [t, b] = foldSolve(matrixWindow(T), matrixWindow(B));
      if (isEmpty(b)) return;
      for (let i = 0; i < b.count; i++) solve(triangle, alpha, itemOf(t, i), itemOf(b, i), unitDiagonal);
    },
    trsv(triangle, T, x, unitDiagonal = false) {
      const b = vectorWindow(x);
      if (!isEmpty(b)) solve(triangle, 1, matrixWindow(T), b, unitDiagonal);
    },
    potrf: (A) => cholesky(matrixWindow(A)),
    potrs(L, B) {
      const [l, b] = foldSolve(matrixWindow(L), matrixWindow(B));
      if (isEmpty(b)) return;
      for (let i = 0; i < b.count; i++) {
        const factor = itemOf(l, i);
        const x = itemOf(b, i);
        solve("lower", 1, factor, x, false);
        solve("upper", 1, transposedWindow(factor), x, false);
      }
    },
  };
}

function nativeVectors(blas: Blas): Pick<Kernels, "ger" | "dot" | "axpy"> {
  return {
    ger(alpha, x, y, A) {
      const a = matrixWindow(A);
      if (isEmpty(a)) return;
      const X = vector(vectorWindow(x));
      const Y = vector(vectorWindow(y));
      withOutput(a, (to) => {
        blas.prepare(memoryBound * a.rows * a.columns);
        routinesOf(blas, a.data).ger(
          ...[to.order, a.rows, a.columns, alpha, X.start, X.step, Y.start, Y.step, to.start, to.leading],
        );
      });
    },
    dot(x, y) {
      if (x.shape[0] < SHORT) return reference.dot(x, y);
      const X = vector(vectorWindow(x));
      const Y = vector(vectorWindow(y));
      blas.prepare(memoryBound * x.shape[0]);
      return routinesOf(blas, x.data).dot(x.shape[0], X.start, X.step, Y.start, Y.step);
    },
    axpy(alpha, x, y) {
      if (x.shape[0] < SHORT) {
        reference.axpy(alpha, x, y);
        return;
      }
      const X = vector(vectorWindow(x));
      blas.prepare(memoryBound * x.shape[0]);
      withVector(vectorWindow(y), (start, step) => {
        routinesOf(blas, y.data).axpy(x.shape[0], alpha, X.start, X.step, start, step);
      });
    },
  };
}
