import { eye, random } from "@solvegrad/autograd";
import { type QuadraticProgram, quadraticProgram } from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";

/** Numbers of variables, inequalities and equalities. */
export interface RandomSizes {
  readonly n: number;
  readonly m: number;
  readonly p: number;
}

/** Of a matrix of a random problem: 800 MB. */
const mostEntries = 1e8;

/** Reads "n,m,p". Throws an InputError for anything else, for more equalities than variables, and for what no memory holds. */
export function randomSizes(text: string): RandomSizes {
  const sizes = text.split(",").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  const [n, m, p] = sizes;
  if (sizes.length !== 3 || sizes.some(Number.isNaN) || n === 0) {
    throw new InputError(
      `--random is ${JSON.stringify(text)}, expected n,m,p: variables (at least 1), inequalities, equalities`,
    );
  }
  const largest = Math.max(n, m, p);
  if (largest * n > mostEntries) {
    throw new InputError(`--random asks for a matrix of ${largest} x ${n}, expected at most ${mostEntries} entries`);
  }
  if (p >= n && p > 0)
    throw new InputError(`--random asks for ${p} equalities in ${n} variables, expected fewer than variables`);
  return { n, m, p };
}

/**
 * A strictly convex QP with a strictly feasible point: Q = M M'/n + I, all of M, q, A, G and a point x0 standard normal,
 * b = A x0, h = G x0 + u with u uniform on (0, 1). The cotangent is standard normal.
 */
export function randomProblem(
  { n, m, p }: RandomSizes,
  seed: number,
): { program: QuadraticProgram; cotangent: Float64Array } {
  const source = random(seed);
  const normal = (...shape: number[]) => source.normal(shape);
  const M = normal(n, n);
  const Q = M.matmul(M.transpose()).div(n).add(eye(n));
  const [q, x0, A, G] = [normal(n), normal(n), normal(p, n), normal(m, n)];
  const h = G.matmul(x0).add(source.uniform([m]));
  const equalities = p > 0 ? { A, b: A.matmul(x0) } : {};
  const inequalities = m > 0 ? { G, h } : {};
  const program = quadraticProgram({ Q, q, ...equalities, ...inequalities });
  return { program, cotangent: Float64Array.from(normal(n).data()) };
}
