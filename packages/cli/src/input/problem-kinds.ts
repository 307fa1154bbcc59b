import { type View, view } from "@solvegrad/linalg";
import { layerMethod } from "@solvegrad/models";
import {
  asBoxProjectionRule,
  asBoxProjectionSolver,
  asSparsemaxRule,
  asSparsemaxSolver,
  type BoxProjectionData,
  boxProjection,
  boxProjectionImplicit,
  boxProjectionNames,
  datumNames,
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropicUnrolled,
  entropyNames,
  entropyProgram,
  quadraticProgram,
  type SparseDatumName,
  type SparseQuadraticBatchData,
  type SparseRule,
  semismoothNewton,
  simplexProjection,
  sparseAdmm,
  sparseAlternating,
  sparseBatchSolver,
  sparseImplicit,
  sparseInteriorPoint,
  sparsemaxImplicit,
  sparsemaxNames,
  sparsemaxProblem,
  sparseQuadraticBatch,
  sparseUnrolled,
} from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import type { NumericArray } from "./numeric-array.ts";
import { type Method, type Problem, problemOf, type StatedColumns } from "./problem.ts";
import { densified, isColumns, risingColumns, type SparseColumns } from "./sparse-columns.ts";

/** The data of a problem file, by name. */
export type FileData = Readonly<Record<string, NumericArray | SparseColumns>>;

/** A kind of problem that a file can state. */
export interface ProblemKind {
  readonly names: readonly string[];
  /** What null stands for in the data that are bounds. */
  readonly bounds: Readonly<Record<string, number>>;
  /** The data that must be there, and what each is. */
  readonly required: Readonly<Record<string, string>>;
  /** Data that are there though the file leaves them out: their gradient is reported too. */
  readonly implied: (data: FileData) => readonly string[];
  /** The datum that is repeated for a batch of cotangents. */
  readonly repeated: string;
  /** Validates the data; throws what the problem's own reader throws. */
  readonly problem: (data: FileData) => Problem;
}

const nothing = (): readonly string[] => [];

export const problemKinds: Readonly<Record<string, ProblemKind>> = {
  qp: {
    names: [...datumNames, "l", "u", "lower", "upper"],
    bounds: { h: Infinity, l: -Infinity, u: Infinity, lower: -Infinity, upper: Infinity },
    required: { q: "a list of n numbers" },
    implied: nothing,
    repeated: "q",
    problem: (data) => (isSparse(data) ? sparseProblem(data) : denseProblem(data)),
  },
  sparsemax: {
    names: [...sparsemaxNames, "A", "b", "lower", "upper"],
    bounds: { u: Infinity, lower: -Infinity, upper: Infinity },
    required: { y: "a list of n numbers" },
    implied: (data) => (isGeneral(data) ? [] : ["total"]),
    repeated: "y",
    problem: (data) => (isGeneral(data) ? boxProblem(data) : simplexProblem(data)),
  },
  entropy: {
    names: entropyNames,
    bounds: {},
    required: { y: "a list of n numbers" },
    implied: nothing,
    repeated: "y",
    problem(data) {
      const { views, columns } = denseData(data);
      return problemOf({
        program: entropyProgram(views as never),
        data: same(entropyNames),
        columns,
        method: entropyMethod,
      });
    },
  },
};

/** What only the sparse solvers take: compressed columns, two-sided rows, bounds of x, infinite ones. */
function isSparse(data: FileData): boolean {
  const has = (name: string) => data[name] !== undefined;
  const infinite = (array: FileData[string]) => !isColumns(array) && !array.values.every(Number.isFinite);
  return (
    ["l", "u", "lower", "upper"].some(has) || Object.values(data).some((array) => isColumns(array) || infinite(array))
  );
}

function denseProblem(data: FileData): Problem {
  if (data.Q === undefined) throw new InputError("Q is missing, expected an n x n matrix (zeros for a linear program)");
  const { views, columns } = denseData(data);
  const program = quadraticProgram(views as never);
  return problemOf({
    program,
    data: same(datumNames),
    columns,
    method: ({ differentiation, tolerance }) => layerMethod(differentiation, { tolerance }),
  });
}

/** A QP whose data are as `sparseQuadraticBatch` takes them; h is another name of u. */
function sparseProblem(data: FileData): Problem {
  const { given, columns } = sparseData(data);
  const names = Object.keys(data).map((name) => [name, name === "h" ? "u" : (name as SparseDatumName)]);
  return sparseProblemOf(given as unknown as SparseQuadraticBatchData, Object.fromEntries(names), columns);
}

export function sparseProblemOf(
  data: SparseQuadraticBatchData,
  names: Readonly<Record<string, SparseDatumName>>,
  columns: Readonly<Record<string, StatedColumns>>,
): Problem {
  return problemOf({ program: sparseQuadraticBatch(data), data: names, columns, method: sparseMethod });
}

function sparseMethod({ differentiation, tolerance }: Method) {
  const solver = differentiation === "implicit" ? sparseInteriorPoint({ tolerance }) : sparseAdmm({ tolerance });
  return { solver: sparseBatchSolver(solver), differentiation: sparseRule({ differentiation, tolerance }) };
}

function sparseRule({ differentiation, tolerance }: Method): SparseRule {
  switch (differentiation) {
    case "implicit":
      return sparseImplicit();
    case "alternating":
      return sparseAlternating({ truncate: tolerance });
    case "unrolled":
      return sparseUnrolled({ tolerance });
  }
}

/** The general form: a box cut by equations. */
function isGeneral(data: FileData): boolean {
  const general = ["A", "b", "lower", "upper"].filter((name) => data[name] !== undefined);
  const simplex = ["u", "total"].filter((name) => data[name] !== undefined);
  if (general.length > 0 && simplex.length > 0) {
    throw new InputError(
      `${simplex[0]} and ${general[0]} were given, expected u and total (a simplex), or A, b, lower and upper (a box cut by equations)`,
    );
  }
  return general.length > 0;
}

function boxProblem(data: FileData): Problem {
  const { given, columns } = sparseData(data);
  return problemOf({
    program: boxProjection(given as unknown as BoxProjectionData),
    data: same(boxProjectionNames),
    columns,
    method: boxMethod,
  });
}

/** Implicit: by the problem's structure; the other rules need ADMM's iterations, on the problem as a sparse QP. */
function boxMethod(method: Method) {
  if (method.differentiation === "implicit") {
    return { solver: semismoothNewton({ tolerance: method.tolerance }), differentiation: boxProjectionImplicit() };
  }
  const { solver, differentiation } = sparseMethod(method);
  return { solver: asBoxProjectionSolver(solver), differentiation: asBoxProjectionRule(differentiation) };
}

function simplexProblem(data: FileData): Problem {
  const { views, columns } = denseData(data);
  const program = sparsemaxProblem(views as never);
  const names = program.u ? sparsemaxNames : (["y", "total"] as const);
  return problemOf({ program, data: same(names), columns, method: sparsemaxMethod });
}

/** Implicit: by the problem's structure; the other rules need ADMM's iterations, on the problem as a QP. */
function sparsemaxMethod({ differentiation, tolerance }: Method) {
  if (differentiation === "implicit") return { solver: simplexProjection(), differentiation: sparsemaxImplicit() };
  const general = layerMethod(differentiation, { tolerance });
  return { solver: asSparsemaxSolver(general.solver), differentiation: asSparsemaxRule(general.differentiation) };
}

function entropyMethod({ differentiation, tolerance }: Method) {
  switch (differentiation) {
    case "implicit":
      return { solver: entropicInteriorPoint({ tolerance }), differentiation: entropicImplicit() };
    case "alternating":
      return { solver: entropicAdmm({ tolerance }), differentiation: entropicAlternating({ truncate: tolerance }) };
    case "unrolled":
      return { solver: entropicAdmm({ tolerance }), differentiation: entropicUnrolled({ tolerance }) };
  }
}

/** Each name of the file for the datum of that name. */
function same<N extends string>(names: readonly N[]): Record<string, N> {
  return Object.fromEntries(names.map((name) => [name, name]));
}

/** The data as the dense readers take them, which find out for themselves what is missing. */
function denseData(data: FileData) {
  const columns: Record<string, StatedColumns> = {};
  const views: Record<string, View> = {};
  for (const [name, array] of Object.entries(data)) {
    const { values, shape } = isColumns(array) ? densified(array, name) : array;
    views[name] = view(values, shape);
    if (isColumns(array)) columns[name] = { columns: array, place: densePlace(array) };
  }
  return { views, columns };
}

function densePlace({ shape: [, width], indptr, indices }: SparseColumns): StatedColumns["place"] {
  const column = new Int32Array(indices.length);
  for (let j = 0; j < width; j++) column.fill(j, indptr[j], indptr[j + 1]);
  return (k) => indices[k] * width + column[k];
}

/** The data as the sparse readers take them: dense ones, and columns whose rows rise. */
function sparseData(data: FileData) {
  const columns: Record<string, StatedColumns> = {};
  const given: Record<string, unknown> = {};
  for (const [name, array] of Object.entries(data)) {
    if (!isColumns(array)) {
      given[name] = view(array.values, array.shape);
      continue;
    }
    const { place, data: entries, ...pattern } = risingColumns(array);
    given[name] = { ...pattern, data: view(entries.values, entries.shape) };
    columns[name] = { columns: array, place: (k) => place[k] };
  }
  return { given, columns };
}
