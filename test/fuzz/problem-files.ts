import fc from "fast-check";
import { normals, uniforms } from "../../packages/optlayers/test/random-programs.ts";
import { spoilers } from "./spoilers.ts";

/** A problem file with the options of the command that solves it. */
export interface FuzzedFile {
  readonly text: string;
  readonly options: readonly string[];
  /** Whether it was built around a point that satisfies its constraints, and left as it was built. */
  readonly isFeasible: boolean;
}

/** What a random file is made from; everything that is random in it comes from the seed. */
interface Recipe {
  readonly form: (typeof forms)[number];
  readonly n: number;
  readonly p: number;
  readonly m: number;
  /** 0: no batch dimension anywhere. */
  readonly batch: number;
  readonly entries: (typeof entryKinds)[number];
  readonly curvature: (typeof curvatures)[number];
  /** Whether the right-hand sides are those of a point, and so do not contradict each other. */
  readonly consistent: boolean;
  readonly columns: boolean;
  /** What is done to the file afterwards, by index; none for most. */
  readonly spoil: number | null;
  readonly rule: string | null;
  readonly tolerance: string | null;
  readonly seed: number;
}

const forms = ["qp", "bounded", "sparsemax", "box", "entropy"] as const;
const entryKinds = ["normal", "integer", "zeros", "huge", "tiny", "mixed"] as const;
const curvatures = ["definite", "low rank", "zero", "diagonal", "ill-conditioned", "indefinite", "asymmetric"] as const;

const recipes: fc.Arbitrary<Recipe> = fc.record({
  form: fc.constantFrom(...forms),
  n: fc.integer({ min: 1, max: 7 }),
  p: fc.integer({ min: 0, max: 3 }),
  m: fc.integer({ min: 0, max: 9 }),
  batch: fc.constantFrom(0, 0, 0, 1, 2, 3),
  entries: fc.constantFrom(...entryKinds, "normal" as const, "integer" as const),
  curvature: fc.constantFrom(...curvatures, "definite" as const, "low rank" as const),
  consistent: fc.boolean(),
  columns: fc.constantFrom(false, false, true),
  spoil: fc.option(fc.nat({ max: spoilers.length - 1 }), { freq: 2 }),
  rule: fc.constantFrom(null, "implicit", "alternating", "unrolled"),
  tolerance: fc.constantFrom(null, null, "1e-6", "1e-3"),
  seed: fc.nat({ max: 2 ** 31 - 1 }),
});

/** Problem files of every kind: right ones, hard ones, contradictory ones, and ones that are no problem at all. */
export const problemFiles: fc.Arbitrary<FuzzedFile> = recipes.map(fileOf);

/** A vector or a matrix of numbers. */
type Numbers = number[] | number[][];

interface Source {
  readonly uniform: () => number;
  readonly entry: () => number;
  readonly recipe: Recipe;
}

function fileOf(recipe: Recipe): FuzzedFile {
  const [uniform, normal] = [uniforms(recipe.seed), normals(recipe.seed + 1)];
  const source = { uniform, entry: entryOf(recipe.entries, uniform, normal), recipe };
  const problem = fields(source);
  const text = JSON.stringify(problem);
  const { spoil, rule, tolerance } = recipe;
  return {
    text: spoil === null ? text : spoilers[spoil](problem, uniform),
    options: [...(rule ? ["--differentiation", rule] : []), ...(tolerance ? ["--tolerance", tolerance] : [])],
    isFeasible: spoil === null && recipe.consistent && recipe.entries !== "huge" && recipe.entries !== "mixed",
  };
}

function entryOf(kind: Recipe["entries"], uniform: () => number, normal: () => number): () => number {
  const decade = (range: number) => 10 ** (range * (2 * uniform() - 1));
  switch (kind) {
    case "normal":
      return normal;
    case "integer":
      return () => Math.round(2 * normal());
    case "zeros":
      return () => (uniform() < 0.6 ? 0 : normal());
    case "huge":
      return () => normal() * 1e9 * decade(3);
    case "tiny":
      return () => normal() * 1e-9 * decade(3);
    case "mixed":
      return () => normal() * decade(8);
  }
}

/** The fields of the file before anything is done to it. */
function fields(source: Source): Record<string, unknown> {
  const { n } = source.recipe;
  const cotangent = source.uniform() < 0.8 ? { cotangent: vector(source, n) } : {};
  switch (source.recipe.form) {
    case "qp":
      return { kind: "qp", ...objective(source), ...constraints(source, false), ...cotangent };
    case "bounded":
      return { kind: "qp", ...objective(source), ...constraints(source, true), ...cotangent };
    case "sparsemax":
      return { kind: "sparsemax", ...simplex(source), ...cotangent };
    case "box":
      return { kind: "sparsemax", ...box(source), ...cotangent };
    case "entropy":
      return { kind: "entropy", y: items(source, () => vector(source, n)), ...entropyRows(source), ...cotangent };
  }
}

function vector({ entry }: Source, length: number): number[] {
  return Array.from({ length }, entry);
}

/** One value, or one an item: about half of the data of a batch are shared. */
function items<T>({ uniform, recipe }: Source, value: () => T): T | T[] {
  return recipe.batch > 0 && uniform() < 0.5 ? Array.from({ length: recipe.batch }, value) : value();
}

function objective(source: Source) {
  const { n, columns } = source.recipe;
  const Q = () => symmetric(source);
  return {
    Q: columns ? inColumns(Q(), source.uniform) : items(source, Q),
    q: items(source, () => vector(source, n)),
  };
}

function symmetric(source: Source): number[][] {
  const { n, curvature } = source.recipe;
  const { uniform } = source;
  const rank = curvature === "low rank" ? Math.floor(n / 2) : n;
  const size = (k: number) => (curvature === "ill-conditioned" ? 10 ** (3 * k - 9) : 1);
  const factors = Array.from({ length: curvature === "zero" ? 0 : rank }, (_, k) =>
    vector(source, n).map((value) => size(k) * value),
  );
  const result = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      if (curvature === "diagonal") return i === j ? Math.abs(factors[i][i]) : 0;
      return factors.reduce((sum, own) => sum + own[i] * own[j], 0);
    }),
  );
  if (curvature === "indefinite") result[0][0] -= 10 * Math.abs(result[0][0]) + 1;
  if (curvature === "asymmetric" && n > 1) result[0][1] += 1 + Math.abs(result[0][1]) * uniform();
  return result;
}

/** A matrix in compressed sparse columns, without its zeros. */
function inColumns(matrix: number[][], uniform: () => number) {
  const width = matrix[0]?.length ?? 0;
  const indptr = [0];
  const indices: number[] = [];
  const data: number[] = [];
  for (let j = 0; j < width; j++) {
    matrix.forEach((row, i) => {
      if (row[j] === 0 && uniform() < 0.9) return;
      indices.push(i);
      data.push(row[j]);
    });
    indptr.push(indices.length);
  }
  return { shape: [matrix.length, width], indptr, indices, data };
}

/** Ax = b and Gx <= h, or l <= Gx <= u and lower <= x <= upper; all of them satisfied by one point where they are consistent. */
function constraints(source: Source, bounded: boolean) {
  const { n, p, m, consistent, columns } = source.recipe;
  const { uniform, entry } = source;
  const point = vector(source, n);
  const at = (rows: number[][]) => rows.map((row) => row.reduce((sum, value, j) => sum + value * point[j], 0));
  const rows = (count: number) => Array.from({ length: count }, () => vector(source, n));
  const [A, G] = [rows(p), rows(m)];
  if (p > 1 && uniform() < 0.3) A[1] = A[0].map((value) => 2 * value);
  if (m > 1 && uniform() < 0.3) G[1] = [...G[0]];
  const slack = () => (uniform() < 0.3 ? 0 : Math.abs(entry()));
  const above = (values: number[], sign: number) =>
    consistent ? values.map((value) => value + sign * slack()) : values.map(() => entry());
  const matrix = (M: number[][]) => (columns ? inColumns(M, uniform) : M);
  const right = consistent ? at(A) : vector(source, p);
  const equalities = p > 0 ? { A: matrix(A), b: items(source, () => right) } : {};
  if (!bounded) return { ...equalities, ...(m > 0 && { G: matrix(G), h: items(source, () => above(at(G), 1)) }) };
  const open = (values: number[]): (number | string | null)[] =>
    values.map((value) => (uniform() < 0.2 ? (uniform() < 0.5 ? null : value > 0 ? "inf" : "-inf") : value));
  const infinite = (values: number[], sign: number) =>
    open(values).map((value) => (typeof value === "string" ? (sign > 0 ? "inf" : "-inf") : value));
  const side = (values: number[], sign: number) => infinite(above(values, sign), sign);
  return {
    ...equalities,
    ...(m > 0 && { G: matrix(G) }),
    ...(m > 0 && uniform() < 0.8 && { l: items(source, () => side(at(G), -1)) }),
    ...(m > 0 && { u: items(source, () => side(at(G), 1)) }),
    ...(uniform() < 0.6 && { lower: items(source, () => side(point, -1)) }),
    ...(uniform() < 0.6 && { upper: items(source, () => side(point, 1)) }),
  };
}

function simplex(source: Source) {
  const { n, consistent } = source.recipe;
  const { uniform, entry } = source;
  const u = () => Array.from({ length: n }, () => (consistent ? 1 / n + Math.abs(entry()) : entry()));
  return {
    y: items(source, () => vector(source, n)),
    ...(uniform() < 0.7 && { u: items(source, u) }),
    ...(uniform() < 0.3 && { total: consistent ? uniform() : entry() }),
  };
}

function box(source: Source) {
  const { A, b, lower, upper } = constraints(source, true) as Record<string, unknown>;
  const isGeneral = [A, lower, upper].some((datum) => datum !== undefined);
  const equalities = A === undefined ? {} : { A, b };
  const { n } = source.recipe;
  return {
    y: items(source, () => vector(source, n)),
    ...equalities,
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined || !isGeneral ? { upper: upper ?? new Array<null>(n).fill(null) } : {}),
  };
}

function entropyRows(source: Source) {
  const { n, p, m, consistent } = source.recipe;
  const { uniform } = source;
  const point = Array.from({ length: n }, () => 0.1 + uniform());
  const rows = (count: number) => Array.from({ length: count }, () => vector(source, n));
  const at = (own: number[][]) => own.map((row) => row.reduce((sum, value, j) => sum + value * point[j], 0));
  const [A, G] = [rows(Math.min(p, n)), rows(m)];
  const right = (M: Numbers) =>
    consistent ? at(M as number[][]).map((value) => value) : vector(source, (M as number[][]).length);
  const slack = (values: number[]) => (consistent ? values.map((value) => value + uniform()) : values);
  return {
    ...(A.length > 0 && { A, b: right(A) }),
    ...(m > 0 && { G, h: slack(right(G)) }),
  };
}
