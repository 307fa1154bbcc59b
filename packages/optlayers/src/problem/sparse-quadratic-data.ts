import { DatumTypeError } from "../errors.ts";
import type { PatternInput } from "./matrix-layout.ts";
import type { DatumInput } from "./read-datum.ts";
import { type SparseDatumName, sparseMatrixNames } from "./sparse-quadratic-batch.ts";

/**
 * Compressed columns whose stored entries are a datum: a Tensor or numbers, (nnz), or (B, nnz) for one matrix an item. Any
 * `SparseMatrix` is one, and fits data of either precision.
 */
export interface SparseMatrixInput extends PatternInput {
  readonly data: DatumInput;
}

/** A matrix in compressed columns, or a dense one. */
export type MatrixInput = SparseMatrixInput | DatumInput;

/** The data of a sparse QP as a user has them, for one problem or a batch. */
export interface SparseQuadraticBatchData {
  /** n x n, symmetric positive semidefinite, both triangles; none for a linear program. */
  readonly Q?: MatrixInput;
  /** n. */
  readonly q: DatumInput;
  /** p x n, with b. */
  readonly A?: MatrixInput;
  readonly b?: DatumInput;
  /** m x n, with l, u or both. */
  readonly G?: MatrixInput;
  /** Bounds of Gx; -Infinity and Infinity where they are left out. */
  readonly l?: DatumInput;
  readonly u?: DatumInput;
  /** Another name of u. */
  readonly h?: DatumInput;
  /** Bounds of x; -Infinity and Infinity where they are left out. */
  readonly lower?: DatumInput;
  readonly upper?: DatumInput;
  /** Added to the objective; 0 by default. */
  readonly constant?: number;
}

const matrixNames: ReadonlySet<string> = new Set(sparseMatrixNames);

/** The data that were given, by name. */
export type GivenData = Partial<Record<SparseDatumName, MatrixInput>>;

/**
 * The data that are there, h under the name of u; a sparse matrix without rows, and its vectors, are as good as left out. Throws a
 * `DatumTypeError` where one is without its partner, and for a vector in compressed columns: its stored entries are not its numbers.
 */
export function givenData(input: SparseQuadraticBatchData): GivenData {
  const present = Object.entries(input).filter(([name, value]) => name !== "constant" && (value ?? null) !== null);
  for (const [name, value] of present) {
    if (!matrixNames.has(name) && isSparseMatrix(value as MatrixInput)) {
      throw typeError(name, `${name} came in compressed columns`, "a vector of numbers");
    }
  }
  const given = withoutEmptyRows(withUpperRows(Object.fromEntries(present)));
  checkPartners(given);
  return given;
}

function withoutEmptyRows(given: GivenData): GivenData {
  const { A, b, ...withoutA } = given;
  const { G, l, u, ...withoutG } = isSparseMatrix(A) && A.shape[0] === 0 ? withoutA : { A, b, ...withoutA };
  return isSparseMatrix(G) && G.shape[0] === 0 ? withoutG : { G, l, u, ...withoutG };
}

function withUpperRows({ h, ...rest }: GivenData & { readonly h?: DatumInput }): GivenData {
  if (h === undefined) return rest;
  if (rest.u !== undefined) throw typeError("h", "h and u both came", "one of them: they are two names of one bound");
  return { ...rest, u: h };
}

function checkPartners(given: GivenData): void {
  const { A, b, G, l, u } = given;
  if (given.q === undefined) throw typeError("q", "q is missing", "a vector of n numbers");
  if ((A === undefined) !== (b === undefined)) {
    const [missing, there] = A === undefined ? ["A", "b"] : ["b", "A"];
    throw typeError(missing, `${there} came without ${missing}`, "A and b together");
  }
  const bounded = l !== undefined || u !== undefined;
  if (bounded !== (G !== undefined)) {
    const [missing, there] = bounded ? ["G", l === undefined ? "u" : "l"] : ["l or u", "G"];
    throw typeError(missing, `${there} came without ${missing}`, "G with l, u or both");
  }
}

/** What is a number in every datum: of a sparse matrix its entries. One without entries has none. */
export function numbersOf(given: GivenData): Partial<Record<SparseDatumName, DatumInput>> {
  const numbers: Partial<Record<SparseDatumName, DatumInput>> = {};
  for (const [name, value] of Object.entries(given) as [SparseDatumName, MatrixInput | undefined][]) {
    if (value === undefined) continue;
    if (!isSparseMatrix(value)) numbers[name] = value;
    else if (value.indices.length > 0) numbers[name] = entriesOf(value.data);
  }
  return numbers;
}

/** The entries of a constant take the precision of the rest: matrices of the linear algebra package are always float64. */
function entriesOf(data: DatumInput): DatumInput {
  return data instanceof Float64Array ? Array.from(data) : data;
}

/** Whether a matrix came in compressed columns. */
export function isSparseMatrix(value: MatrixInput | undefined): value is SparseMatrixInput {
  return typeof value === "object" && value !== null && "indptr" in value && "indices" in value && "data" in value;
}

function typeError(argument: string, what: string, expected: string): DatumTypeError {
  return new DatumTypeError(`${what}; expected ${expected}`, { argument, shape: null, item: null, expected });
}
