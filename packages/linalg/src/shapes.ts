import type { Kernels } from "./kernels.ts";
import { dtypeOf, type View } from "./view.ts";

/** A kernel was called with operands that do not fit together, or with a view that leaves its data. */
export class KernelShapeError extends RangeError {
  override readonly name = "KernelShapeError";
  readonly kernel: string;
  readonly argument: string;

  constructor(kernel: string, argument: string, problem: string) {
    super(`${kernel}: ${argument} ${problem}`);
    this.kernel = kernel;
    this.argument = argument;
  }
}

/** Throws unless `v` has this shape, the dtype of `output`, and lies inside its data. */
export function expectView(kernel: string, argument: string, v: View, shape: readonly number[], output: View): void {
  if (v.shape.length !== shape.length || v.shape.some((size, axis) => size !== shape[axis])) {
    throw new KernelShapeError(kernel, argument, `has shape (${v.shape.join(", ")}), expected (${shape.join(", ")})`);
  }
  if (v.data.BYTES_PER_ELEMENT !== output.data.BYTES_PER_ELEMENT) {
    throw new KernelShapeError(kernel, argument, `is ${dtypeOf(v.data)}, but the output is ${dtypeOf(output.data)}`);
  }
  expectInside(kernel, argument, v);
}

function expectRank(kernel: string, argument: string, v: View, rank: number): void {
  if (v.shape.length !== rank) {
    throw new KernelShapeError(kernel, argument, `has shape (${v.shape.join(", ")}), expected ${rank} axes`);
  }
}

/** The native and wasm kernels work on raw memory, so a view that leaves its data must never reach them. */
function expectInside(kernel: string, argument: string, v: View): void {
  let first = v.offset;
  let last = v.offset;
  for (let axis = 0; axis < v.shape.length; axis++) {
    if (v.shape[axis] === 0) return;
    const reach = (v.shape[axis] - 1) * v.stride[axis];
    if (reach < 0) first += reach;
    else last += reach;
  }
  if (!(first >= 0 && last < v.data.length)) {
    throw new KernelShapeError(
      kernel,
      argument,
      `spans entries ${first} to ${last}, but its data has ${v.data.length} entries`,
    );
  }
}

function checkGemm(kernel: string, A: View, B: View, C: View, rank: number): void {
  expectRank(kernel, "A", A, rank);
  expectRank(kernel, "B", B, rank);
  const batch = A.shape.slice(0, rank - 2);
  const [m, k] = A.shape.slice(-2);
  const n = B.shape[rank - 1];
  expectView(kernel, "A", A, [...batch, m, k], C);
  expectView(kernel, "B", B, [...batch, k, n], C);
  expectView(kernel, "C", C, [...batch, m, n], C);
}

function checkGemv(kernel: string, A: View, x: View, y: View, rank: number): void {
  expectRank(kernel, "A", A, rank);
  const batch = A.shape.slice(0, rank - 2);
  const [m, n] = A.shape.slice(-2);
  expectView(kernel, "A", A, A.shape, y);
  expectView(kernel, "x", x, [...batch, n], y);
  expectView(kernel, "y", y, [...batch, m], y);
}

function checkSyrk(kernel: string, A: View, C: View, rank: number): void {
  expectRank(kernel, "A", A, rank);
  const n = A.shape[rank - 2];
  expectView(kernel, "A", A, A.shape, C);
  expectView(kernel, "C", C, [...A.shape.slice(0, rank - 2), n, n], C);
}

/** `T` or `L` square and as high as the right-hand sides `b`. */
function checkSolve(kernel: string, matrix: string, T: View, rhs: string, b: View, rank: number): void {
  expectRank(kernel, matrix, T, rank);
  const n = T.shape[rank - 1];
  expectView(kernel, matrix, T, [...T.shape.slice(0, rank - 2), n, n], b);
  const expected = b.shape.length === rank ? [...T.shape.slice(0, rank - 1), b.shape[rank - 1]] : T.shape.slice(0, -1);
  expectView(kernel, rhs, b, expected, b);
}

function checkSquare(kernel: string, A: View, rank: number): void {
  expectRank(kernel, "A", A, rank);
  const n = A.shape[rank - 1];
  expectView(kernel, "A", A, [...A.shape.slice(0, rank - 2), n, n], A);
}

function checkVectors(kernel: string, x: View, y: View): void {
  expectRank(kernel, "x", x, 1);
  expectView(kernel, "x", x, x.shape, y);
  expectView(kernel, "y", y, x.shape, y);
}

/** The same kernels, each refusing operands that do not fit by a `KernelShapeError` before it touches memory. */
export function checked(set: Kernels): Kernels {
  return {
    name: set.name,
    description: set.description,
    threads: set.threads,
    adam: set.adam,
    convolution: set.convolution,
    gemm(alpha, A, B, beta, C) {
      checkGemm("gemm", A, B, C, 2);
      set.gemm(alpha, A, B, beta, C);
    },
    gemv(alpha, A, x, beta, y) {
      checkGemv("gemv", A, x, y, 2);
      set.gemv(alpha, A, x, beta, y);
    },
    syrk(alpha, A, beta, C) {
      checkSyrk("syrk", A, C, 2);
      set.syrk(alpha, A, beta, C);
    },
    ger(alpha, x, y, A) {
      expectRank("ger", "x", x, 1);
      expectRank("ger", "y", y, 1);
      expectView("ger", "x", x, x.shape, A);
      expectView("ger", "y", y, y.shape, A);
      expectView("ger", "A", A, [x.shape[0], y.shape[0]], A);
      set.ger(alpha, x, y, A);
    },
    dot(x, y) {
      checkVectors("dot", x, y);
      return set.dot(x, y);
    },
    axpy(alpha, x, y) {
      checkVectors("axpy", x, y);
      set.axpy(alpha, x, y);
    },
    trsm(triangle, alpha, T, B, unitDiagonal) {
      expectRank("trsm", "B", B, 2);
      checkSolve("trsm", "T", T, "B", B, 2);
      set.trsm(triangle, alpha, T, B, unitDiagonal);
    },
    trsv(triangle, T, x, unitDiagonal) {
      expectRank("trsv", "x", x, 1);
      checkSolve("trsv", "T", T, "x", x, 2);
      set.trsv(triangle, T, x, unitDiagonal);
    },
    potrf(A) {
      checkSquare("potrf", A, 2);
      return set.potrf(A);
    },
    potrs(L, B) {
      expectRank("potrs", "B", B, 2);
      checkSolve("potrs", "L", L, "B", B, 2);
      set.potrs(L, B);
    },
    gemmBatched(alpha, A, B, beta, C) {
      checkGemm("gemmBatched", A, B, C, 3);
      set.gemmBatched(alpha, A, B, beta, C);
    },
    gemvBatched(alpha, A, x, beta, y) {
      checkGemv("gemvBatched", A, x, y, 3);
      set.gemvBatched(alpha, A, x, beta, y);
    },
    syrkBatched(alpha, A, beta, C) {
      checkSyrk("syrkBatched", A, C, 3);
      set.syrkBatched(alpha, A, beta, C);
    },
    trsmBatched(triangle, alpha, T, B, unitDiagonal) {
      expectRank("trsmBatched", "B", B, 3);
      checkSolve("trsmBatched", "T", T, "B", B, 3);
      set.trsmBatched(triangle, alpha, T, B, unitDiagonal);
    },
    potrfBatched(A) {
      checkSquare("potrfBatched", A, 3);
      return set.potrfBatched(A);
    },
    potrsBatched(L, B) {
      expectRank("potrsBatched", "B", B, 3);
      checkSolve("potrsBatched", "L", L, "B", B, 3);
      set.potrsBatched(L, B);
    },
  };
}
