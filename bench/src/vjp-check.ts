import { addProduct, type SparseMatrix } from "@solvegrad/linalg";
import {
  type SparseDataCotangents,
  type SparseDatumName,
  type SparseQuadraticProgram,
  type SparseSolution,
  sparseImplicitVjp,
  sparseInteriorPoint,
} from "@solvegrad/optlayers";

/** What comparing a VJP with differences of re-solved problems showed. */
export interface VjpCheck {
  readonly finite: boolean;
  readonly milliseconds: number;
  /** |predicted - difference| over the larger of the two; null where there is nothing to compare with. */
  readonly error: number | null;
  /** Why not: the test by which the active set is not clear, or the differences are not. */
  readonly reason: string;
}

const steps = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9];
/** Of one re-solve: from the solution next to it, it is quick or of no use. */
const effort = { maxIterations: 40, timeLimit: 10_000 };
/** Differences of neighbouring steps must agree as well as this to be differences at all. */
const agreement = 1e-4;

const names: readonly SparseDatumName[] = ["Q", "q", "A", "b", "G", "l", "u", "lower", "upper"];

/**
 * Compares the implicit VJP for a random cotangent c of x with central differences of c'x along one random direction of *all*
 * data: each number by a random share of itself (zeros of vectors by a share of the mean size), Q by a congruence that keeps it
 * semidefinite, agreeing bounds together. Problems are solved again at relative steps of 1e-5 to 1e-9 from the
 * solution; the same constraints must be active at both ends. Which step counts is decided by how well neighbouring ones
 * agree with each other.
 */
export function checkVjp(problem: SparseQuadraticProgram, solution: SparseSolution, next: () => number): VjpCheck {
  const cotangent = Float64Array.from({ length: problem.n }, next);
  const begin = performance.now();
  const { gradients, report } = sparseImplicitVjp(problem, solution, { x: cotangent });
  const milliseconds = performance.now() - begin;
  const finite = Object.values(gradients).every((values: Float64Array) => values.every(Number.isFinite));
  const result = (error: number | null, reason: string): VjpCheck => ({ finite, milliseconds, error, reason });
  const unclear = unclearBy(report.notes);
  if (unclear !== null) return result(null, unclear);
  const direction = randomDirection(problem, next);
  const predicted = alongDirection(problem, gradients, direction);
  const differences = differencesOf(problem, solution, cotangent, direction);
  if (typeof differences === "string") return result(null, differences);
  const size = Math.max(Math.abs(predicted), Math.abs(differences.slope));
  const error = size > 0 ? Math.abs(predicted - differences.slope) / size : 0;
  return result(error, "");
}

/** The rule's own test by which there is no derivative. */
function unclearBy(notes: readonly string[]): string | null {
  if (notes.some((note) => note.includes("multiplier of zero"))) return "zero multiplier";
  return notes.some((note) => note.includes("singular")) ? "singular KKT system" : null;
}

interface Box {
  readonly t: Float64Array;
  readonly y: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

function boxesOf(problem: SparseQuadraticProgram, { x, lambda, zeta }: SparseSolution): Box[] {
  const Gx = new Float64Array(problem.m);
  addProduct(1, problem.G, x, Gx);
  return [
    { t: x, y: zeta, low: problem.lower, high: problem.upper },
    { t: Gx, y: lambda, low: problem.l, high: problem.u },
  ];
}

/** From a bound, over its size. */
function distance(value: number, bound: number): number {
  return Number.isFinite(bound) ? Math.abs(value - bound) / (1 + Math.abs(bound)) : Infinity;
}

/** Which side of every constraint holds it, as a word. */
function activeSet(problem: SparseQuadraticProgram, solution: SparseSolution): string {
  const sides: string[] = [];
  for (const { t, y, low, high } of boxesOf(problem, solution)) {
    const force = 1 + y.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    t.forEach((value, k) => {
      const bound = y[k] > 0 ? high[k] : low[k];
      const holds = low[k] !== high[k] && Math.abs(y[k]) / force > distance(value, bound);
      sides.push(holds ? (y[k] > 0 ? "u" : "l") : "-");
    });
  }
  return sides.join("");
}

/** A direction of all data. */
function randomDirection(problem: SparseQuadraticProgram, next: () => number): SparseDataCotangents {
  const share = (values: Float64Array) => values.map((value) => value * next());
  const moved = (values: Float64Array) => {
    const finite = values.filter(Number.isFinite);
    const mean = finite.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(1, finite.length);
    return values.map((value) => (Number.isFinite(value) ? next() * (value === 0 ? mean : Math.abs(value)) : 0));
  };
  const upper = moved(problem.upper);
  const u = moved(problem.u);
  const together = (other: Float64Array, low: Float64Array, high: Float64Array) =>
    moved(low).map((value, k) => (low[k] === high[k] ? other[k] : value));
  return {
    Q: congruence(problem.Q, Float64Array.from({ length: problem.n }, next)),
    q: moved(problem.q),
    A: share(problem.A.data),
    b: moved(problem.b),
    G: share(problem.G.data),
    u,
    l: together(u, problem.l, problem.u),
    upper,
    lower: together(upper, problem.lower, problem.upper),
  };
}

/** SQ + QS: the first-order change of (I + tS) Q (I + tS). */
function congruence(Q: SparseMatrix, s: Float64Array): Float64Array {
  const result = new Float64Array(Q.data.length);
  for (let j = 0; j < Q.shape[1]; j++) {
    for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) result[k] = Q.data[k] * (s[Q.indices[k]] + s[j]);
  }
  return result;
}

/** The sum over all data of cotangent times direction; an entry of Q's upper triangle stands for two off the diagonal. */
function alongDirection(
  { Q }: SparseQuadraticProgram,
  gradients: SparseDataCotangents,
  direction: SparseDataCotangents,
): number {
  let sum = 0;
  for (const name of names) {
    gradients[name].forEach((value, k) => {
      sum += value * direction[name][k];
    });
  }
  for (let j = 0; j < Q.shape[1]; j++) {
    for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) {
      if (Q.indices[k] !== j) sum += gradients.Q[k] * direction.Q[k];
    }
  }
  return sum;
}

function movedProblem(
  problem: SparseQuadraticProgram,
  direction: SparseDataCotangents,
  step: number,
): SparseQuadraticProgram {
  const vector = (name: SparseDatumName, values: Float64Array) =>
    values.map((value, k) => value + step * direction[name][k]);
  const matrix = (name: SparseDatumName, M: SparseMatrix): SparseMatrix => ({ ...M, data: vector(name, M.data) });
  return {
    ...problem,
    Q: matrix("Q", problem.Q),
    q: vector("q", problem.q),
    A: matrix("A", problem.A),
    b: vector("b", problem.b),
    G: matrix("G", problem.G),
    l: vector("l", problem.l),
    u: vector("u", problem.u),
    lower: vector("lower", problem.lower),
    upper: vector("upper", problem.upper),
  };
}

/** The central difference of the step that agrees best with its neighbour, or why there is none. */
function differencesOf(
  problem: SparseQuadraticProgram,
  solution: SparseSolution,
  cotangent: Float64Array,
  direction: SparseDataCotangents,
): { slope: number } | string {
  const solver = sparseInteriorPoint({ tolerance: 1e-13, ...effort });
  const active = activeSet(problem, solution);
  const slopes: number[] = [];
  let reason = "";
  for (const step of steps) {
    const [above, below] = [step, -step].map((h) => {
      const moved = movedProblem(problem, direction, h);
      const found = solver.solve(moved, { warmStart: solution });
      return { moved, found };
    });
    const usable = [above, below].every(
      ({ found }) => found.status === "solved" || found.status === "solved_inaccurate",
    );
    const same = [above, below].every(({ moved, found }) => activeSet(moved, found) === active);
    if (!usable) return "neighbours not solved";
    if (same) slopes.push(inner(cotangent, above.found.x, below.found.x) / (2 * step));
    else {
      slopes.length = 0;
      reason = "active set changes";
    }
  }
  return slopes.length < 2 ? reason || "too few steps" : bestOf(slopes);
}

function bestOf(slopes: readonly number[]): { slope: number } | string {
  let best = { slope: Number.NaN, spread: Infinity };
  for (let k = 0; k + 1 < slopes.length; k++) {
    const [slope, finer] = [slopes[k], slopes[k + 1]];
    const spread = Math.abs(slope - finer) / Math.max(Math.abs(slope), Math.abs(finer), Number.MIN_VALUE);
    if (spread < best.spread) best = { slope, spread };
  }
  return best.spread <= agreement ? best : "differences disagree";
}

/** c'(a - b), the difference taken first. */
function inner(c: Float64Array, a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < c.length; k++) sum += c[k] * (a[k] - b[k]);
  return sum;
}
