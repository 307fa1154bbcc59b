/**
 * Whether what `solve --json` printed is true, judged from the text of the file and the report alone, in loops that share
 * nothing with the solvers.
 */

interface Report {
  readonly [field: string]: unknown;
}

/** Relative error that `solved` may have: ten times the tolerance, and no less than this. */
const leastTolerance = 1e-7;

/** A sentence for each claim of the report that is false. */
export function falseClaims(text: string, report: Report, tolerance: number): string[] {
  const problem = JSON.parse(text) as Report;
  const statuses = Array.isArray(report.status) ? report.status : [report.status];
  const isBatch = Array.isArray(report.status);
  return statuses.flatMap((status, i) => {
    if (status !== "solved" && status !== "solved_inaccurate") return [];
    const own = (field: unknown) => (field === undefined ? [] : isBatch ? (field as unknown[])[i] : field);
    const point = Object.fromEntries(["x", "nu", "lambda", "zeta"].map((name) => [name, own(report[name])]));
    const numbers = [...flat(report.gradient ? Object.values(report.gradient as object) : [])];
    const claims = numbers.every(Number.isFinite) ? [] : [`item ${i}: the gradient is not finite`];
    if (!Object.values(point).every((values) => flat(values).every(Number.isFinite))) {
      return [...claims, `item ${i}: the point is not finite`];
    }
    const limit = Math.max(leastTolerance, 10 * tolerance) * (status === "solved" ? 1 : 1e3);
    return [
      ...claims,
      ...violations(itemOf(problem, i), point as unknown as Point, limit).map((own) => `item ${i}: ${own}`),
    ];
  });
}

interface Point {
  readonly x: number[];
  readonly nu: number[];
  readonly lambda: number[];
  readonly zeta: number[];
}

/** One problem: its constraints in the most general form, and its objective's gradient with the absolute terms. */
interface Item {
  readonly A: number[][];
  readonly b: number[];
  readonly G: number[][];
  readonly l: number[];
  readonly u: number[];
  readonly lower: number[];
  readonly upper: number[];
  gradient(x: number[]): { readonly value: number; readonly scale: number }[];
  /** The multipliers of the bounds, positive at the upper one, where the report has them among lambda. */
  readonly boundsInLambda: boolean;
}

/** The numbers in nested lists; an object's are those of its field `data`. */
function flat(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(flat);
  if (typeof value === "object" && value !== null) return flat((value as Report).data);
  return [typeof value === "number" ? value : Number.NaN];
}

function depth(value: unknown): number {
  return Array.isArray(value) ? 1 + depth(value[0]) : 0;
}

/** A datum of item i, without its batch dimension where it has one. */
function datum(problem: Report, name: string, i: number, dimensions: number): unknown {
  const value = problem[name];
  return depth(value) > dimensions ? (value as unknown[])[i] : value;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && (!Array.isArray(value) || flat(value).length > 0);
}

function vectorOf(problem: Report, name: string, i: number, length: number, missing: number): number[] {
  const value = datum(problem, name, i, 1);
  if (!isGiven(value)) return new Array<number>(length).fill(missing);
  return (value as unknown[]).map((entry) => {
    if (entry === null) return missing;
    if (typeof entry === "string") return entry.startsWith("-") ? -Infinity : Infinity;
    const number = entry as number;
    return Math.abs(number) >= 1e30 && Math.abs(missing) === Infinity ? Math.sign(number) * Infinity : number;
  });
}

function matrixOf(problem: Report, name: string, i: number): number[][] {
  const value = datum(problem, name, i, 2);
  if (!isGiven(value)) return [];
  if (Array.isArray(value)) return value as number[][];
  const { shape, indptr, indices, data } = value as Record<string, number[]>;
  const entries = (depth(data) > 1 ? (data as unknown as number[][])[i] : data) as number[];
  const matrix = Array.from({ length: shape[0] }, () => new Array<number>(shape[1]).fill(0));
  for (let j = 0; j < shape[1]; j++)
    for (let k = indptr[j]; k < indptr[j + 1]; k++) matrix[indices[k]][j] += entries[k];
  return matrix;
}

function itemOf(problem: Report, i: number): Item {
  switch (problem.kind) {
    case "sparsemax":
      return sparsemaxItem(problem, i);
    case "entropy": {
      // fields that mean nothing to this kind are ignored with a warning
      const { kind, y, A, b, G, h } = problem;
      const known = { kind, y, A, b, G, h };
      return { ...rowsOf(known, i), gradient: entropyGradient(vectorOf(known, "y", i, 0, 0)) };
    }
    default:
      return { ...rowsOf(problem, i), gradient: quadraticGradient(problem, i) };
  }
}

function rowsOf(problem: Report, i: number): Omit<Item, "gradient"> {
  const [A, G] = [matrixOf(problem, "A", i), matrixOf(problem, "G", i)];
  const n = vectorOf(problem, problem.kind === "entropy" ? "y" : "q", i, 0, 0).length;
  const isEntropy = problem.kind === "entropy";
  const upper = isGiven(problem.h) ? "h" : "u";
  return {
    ...{ A, G },
    b: vectorOf(problem, "b", i, A.length, 0),
    l: vectorOf(problem, "l", i, G.length, -Infinity),
    u: vectorOf(problem, upper, i, G.length, Infinity),
    lower: isEntropy ? new Array<number>(n).fill(0) : vectorOf(problem, "lower", i, n, -Infinity),
    upper: vectorOf(problem, "upper", i, n, Infinity),
    boundsInLambda: false,
  };
}

function sparsemaxItem(problem: Report, i: number): Item {
  const y = vectorOf(problem, "y", i, 0, 0);
  const n = y.length;
  const isGeneral = ["A", "b", "lower", "upper"].some((name) => isGiven(problem[name]));
  const gradient = (x: number[]) =>
    x.map((value, j) => ({ value: value - y[j], scale: Math.max(Math.abs(value), Math.abs(y[j])) }));
  const none = { G: [], l: [], u: [] };
  if (isGeneral) {
    const A = matrixOf(problem, "A", i);
    const [lower, upper] = [vectorOf(problem, "lower", i, n, -Infinity), vectorOf(problem, "upper", i, n, Infinity)];
    return { A, b: vectorOf(problem, "b", i, A.length, 0), ...none, lower, upper, gradient, boundsInLambda: false };
  }
  const { total } = problem;
  const sum = isGiven(total) ? (flat(total)[depth(total) > 0 ? i : 0] ?? Number.NaN) : 1;
  return {
    ...{ A: [new Array<number>(n).fill(1)], b: [sum], ...none },
    ...{ lower: new Array<number>(n).fill(0), upper: vectorOf(problem, "u", i, n, Infinity) },
    ...{ gradient, boundsInLambda: true },
  };
}

function quadraticGradient(problem: Report, i: number): Item["gradient"] {
  const q = vectorOf(problem, "q", i, 0, 0);
  const Q = matrixOf(problem, "Q", i);
  const isTriangle = !Array.isArray(problem.Q) && Q.every((row, r) => row.every((value, c) => value === 0 || r <= c));
  return (x) =>
    q.map((value, j) => {
      let [sum, scale] = [value, Math.abs(value)];
      for (let k = 0; k < x.length; k++) {
        // of a Q that is symmetric up to rounding the symmetric part counts
        const entry = Q.length === 0 ? 0 : isTriangle ? Q[Math.min(j, k)][Math.max(j, k)] : (Q[j][k] + Q[k][j]) / 2;
        sum += entry * x[k];
        scale = Math.max(scale, Math.abs(entry * x[k]));
      }
      return { value: sum, scale };
    });
}

function entropyGradient(y: number[]): Item["gradient"] {
  return (x) =>
    x.map((value, j) => {
      const logarithm = Math.log(Math.max(value, 2 ** -1022));
      return { value: logarithm + 1 - y[j], scale: Math.max(Math.abs(logarithm), Math.abs(y[j]), 1) };
    });
}

/** What of the KKT conditions does not hold up to the limit, relative to the terms that each is a sum of. */
function violations(item: Item, { x, nu, lambda, zeta }: Point, limit: number): string[] {
  const { A, b, G, l, u, lower, upper } = item;
  const rows = (M: number[][]) => M.map((row) => row.reduce((sum, value, j) => sum + value * x[j], 0));
  const [Ax, Gx] = [rows(A), rows(G)];
  const sizes = [...M(A, x), ...M(G, x), ...b, ...x].map(Math.abs);
  const scale = 1 + Math.max(0, ...sizes.filter(Number.isFinite));
  const outside = (value: number, low: number, high: number) =>
    value < low ? low - value : value > high ? value - high : 0;
  const primal = Math.max(
    0,
    ...Ax.map((value, k) => Math.abs(value - b[k])),
    ...Gx.map((value, k) => outside(value, l[k], u[k])),
    ...x.map((value, j) => outside(value, lower[j], upper[j])),
  );
  const bounds = item.boundsInLambda
    ? x.map((_, j) => (lambda[x.length + j] ?? 0) - lambda[j])
    : x.map((_, j) => zeta[j] ?? 0);
  const multipliers = item.boundsInLambda ? [] : lambda;
  const gradient = item.gradient(x);
  let [dual, dualScale] = [0, 1];
  gradient.forEach((own, j) => {
    const terms = [...A.map((row, k) => row[j] * nu[k]), ...G.map((row, k) => row[j] * multipliers[k]), bounds[j]];
    let residual = terms.reduce((sum, term) => sum + term, own.value);
    // an entry that has underflowed is stationary where the minimizer underflows too
    if (item.lower[j] === 0 && !item.boundsInLambda && x[j] < 2 ** -1022) residual = Math.min(residual, 0);
    dual = Math.max(dual, Math.abs(residual));
    dualScale = Math.max(dualScale, own.scale, ...terms.map(Math.abs));
  });
  let [gap, gapScale] = [0, 1];
  const complement = (multiplier: number, value: number, low: number, high: number) => {
    if (Math.abs(multiplier) <= limit * dualScale && !Number.isFinite(multiplier > 0 ? high : low)) return;
    const bound = multiplier > 0 ? high : low;
    if (multiplier === 0) return;
    gap += Math.abs(multiplier * (bound - value));
    gapScale += Math.abs(multiplier * bound) + Math.abs(multiplier * value);
  };
  multipliers.forEach((own, k) => {
    complement(own, Gx[k], l[k], u[k]);
  });
  bounds.forEach((own, j) => {
    complement(own, x[j], lower[j], upper[j]);
  });
  b.forEach((value, k) => {
    gapScale += Math.abs(nu[k] * value);
  });
  gradient.forEach((own, j) => {
    gapScale += Math.abs(own.value * x[j]) + own.scale * Math.abs(x[j]);
  });
  // with residuals within the limit, the products sum to the duality gap but for these
  const weights = [...nu, ...multipliers, ...bounds];
  const inexact = [
    ...x.map((value) => dual * Math.abs(value)),
    ...weights.map((value) => primal * Math.abs(value)),
  ].reduce((sum, value) => sum + value, 0);
  const report = (name: string, value: number, size: number) =>
    value <= limit * size ? [] : [`${name} residual ${value} of terms of ${size}`];
  return [
    ...report("primal", primal, scale),
    ...report("dual", dual, dualScale),
    ...report("complementarity", Math.max(gap - inexact, 0), gapScale),
  ];
}

/** Every product of an entry with x. */
function M(matrix: number[][], x: number[]): number[] {
  return matrix.flatMap((row) => row.map((value, j) => value * x[j]));
}
