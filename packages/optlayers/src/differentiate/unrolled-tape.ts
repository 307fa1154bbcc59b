import {
  abs,
  add,
  cholesky,
  choleskySolve,
  concat,
  eye,
  grad,
  matmul,
  mul,
  neg,
  relu,
  slice,
  sub,
  sum,
  type Tensor,
  tapeBytes,
  tensor,
  transpose,
  zeros,
} from "@solvegrad/autograd";
import { sizeOf } from "@solvegrad/linalg";
import { type DatumName, datumNames, itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { largestRatio } from "./alternating-adjoint.ts";
import type { FrozenPoint } from "./alternating-point.ts";
import type { Cotangent, DataCotangents } from "./rule.ts";

/** When a tape ends, and its over-relaxation. */
export interface TapeSettings {
  readonly iterations: number | undefined;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly relaxation: number;
}

/** What a run of the iterations on a tape came to. */
interface Tape {
  readonly iterations: number;
  /** The last change of the state relative to the first. */
  readonly residual: number;
  /** What is left of the cotangent at the start of the tape, relative to that at its end. */
  readonly memory: number;
  readonly bytes: number;
}

/** A tape whose `memory` is below this many tolerances has the gradient of the fixed point. */
export const settledMemory = 100;

/** The leaves of a tape, items side by side as columns: Q n x n, A p x n, G m x n, q n x count, b and h with 1 or count columns. */
type Leaves = Record<DatumName, Tensor>;

function leavesOf(problem: QuadraticProgram, items: readonly number[]): Leaves {
  const matrix = (name: "Q" | "A" | "G") =>
    tensor(itemOf(problem[name], items[0]).slice(), { shape: [...problem[name].shape], requiresGrad: true });
  const columns = (name: "q" | "b" | "h") => {
    const datum = problem[name];
    const chosen = datum.batched ? items : items.slice(0, 1);
    const size = datum.shape[0];
    const values = new Float64Array(size * chosen.length);
    chosen.forEach((item, column) => {
      itemOf(datum, item).forEach((value, j) => {
        values[j * chosen.length + column] = value;
      });
    });
    return tensor(values, { shape: [size, chosen.length], requiresGrad: true });
  };
  return { Q: matrix("Q"), q: columns("q"), A: matrix("A"), b: columns("b"), G: matrix("G"), h: columns("h") };
}

/**
 * Runs one group's iterations on a tape and adds their gradients to `gradients`.
 *
 * The state may reach its fixed point before the derivative does (a start that happens to be near), so the tape is also asked
 * what it remembers of its start: the cotangent of the first state vanishes as the derivative converges. While it has
 * not, and the number of iterations is free, the tape is made twice as long.
 */
export function differentiateTape(
  problem: QuadraticProgram,
  point: FrozenPoint,
  items: readonly number[],
  cotangent: Cotangent,
  settings: TapeSettings,
  gradients: DataCotangents,
): Tape {
  const wanted = datumNames.filter((name) => gradients[name] && problem[name].values.length > 0);
  const leaves = leavesOf(problem, items);
  let atLeast = 1;
  let before = Infinity;
  for (;;) {
    const run = unroll(leaves, point, items.length, settings, atLeast);
    const loss = lossOf(problem, run, items, cotangent);
    const asked = [...wanted.map((name) => leaves[name]), ...run.start, ...run.last];
    const results = grad(loss, asked);
    const states = results.slice(wanted.length);
    const memory = memoryOf(states.slice(0, run.start.length), states.slice(run.start.length), items.length);
    const longer = 2 * run.iterations;
    const settled = memory <= settledMemory * settings.tolerance || memory > before / 2;
    if (settled || settings.iterations !== undefined || longer > settings.maxIterations) {
      wanted.forEach((name, k) => {
        accumulate(problem, name, items, results[k].data(), gradients[name] ?? new Float64Array());
      });
      return { iterations: run.iterations, residual: run.residual, memory, bytes: tapeBytes(loss) };
    }
    atLeast = longer;
    before = memory;
  }
}

/** The largest ratio, over the items, of the cotangents of the first state to those of the last. */
function memoryOf(first: readonly Tensor[], last: readonly Tensor[], count: number): number {
  return Math.sqrt(largestRatio(squaredChange(first, null, count), squaredChange(last, null, count)));
}

interface Unrolled {
  readonly x: Tensor;
  /** The duals in the units of the data, null where there are none. */
  readonly nu: Tensor | null;
  readonly lambda: Tensor | null;
  readonly iterations: number;
  readonly residual: number;
  /** The state before the first iteration, and before the last one. */
  readonly start: readonly Tensor[];
  readonly last: readonly Tensor[];
}

/**
 * (5) in the form of the state t = (nu, w), in tensors, from ADMM's cold start; see `runAdmm` for the same in plain loops.
 * `atLeast` so many iterations.
 */
function unroll(
  { Q, q, A, b, G, h }: Leaves,
  point: FrozenPoint,
  count: number,
  settings: TapeSettings,
  atLeast: number,
): Unrolled {
  const { geometry } = point.group;
  const { n, p, r, scale } = geometry;
  const { rho, proximal } = point.factor;
  const { relaxation } = settings;
  if (r === 0) return unconstrained(Q, q, count, proximal, settings, atLeast);

  const E = tensor(scale.slice(), { shape: [r, 1] });
  const columns = zeros([1, count]);
  const K = mul(E, stacked(A, G, p, r));
  const k = mul(E, stacked(add(b, columns), add(h, columns), p, r));
  const H = add(Q, mul(rho, matmul(transpose(K), K)));
  const L = cholesky(proximal > 0 ? add(H, mul(proximal, eye(n))) : H);
  let x = leaf(zeros([n, count]));
  let nu = leaf(zeros([p, count]));
  // ADMM's own start, at x = 0 and s = max(h, 0)
  let w = leaf(p < r ? mul(-rho, relu(slice(k, 0, p, r))) : zeros([0, count]));
  const state = () => [nu, w, ...(proximal > 0 ? [x] : [])].filter(({ size }) => size > 0);
  const start = state();
  let last = start;
  const goesOn = continuation(settings, atLeast);
  let iterations = 0;
  let first: Float64Array = new Float64Array(count);
  let residual = 0;
  do {
    iterations++;
    last = state();
    const z = stacked(nu, abs(w), p, r);
    const force = add(q, matmul(transpose(K), sub(z, mul(rho, k))));
    x = neg(choleskySolve(L, proximal > 0 ? sub(force, mul(proximal, x)) : add(force, columns)));
    const step = mul(relaxation * rho, sub(matmul(K, x), k));
    const before = [nu, w];
    if (p > 0) nu = add(nu, slice(step, 0, 0, p));
    if (p < r) w = add(add(mul(relaxation, relu(w)), mul(1 - relaxation, w)), slice(step, 0, p, r));
    const change = squaredChange([nu, w], before, count);
    if (iterations === 1) first = change;
    residual = Math.sqrt(largestRatio(change, first));
  } while (goesOn(iterations, residual));
  return {
    x,
    start,
    last,
    nu: p > 0 ? mul(slice(E, 0, 0, p), nu) : null,
    lambda: p < r ? mul(slice(E, 0, p, r), relu(w)) : null,
    iterations,
    residual,
  };
}

/** x = -Q^-1 q, or where Q is singular the proximal point iteration x+ = -(Q + proximal I)^-1 (q - proximal x) from 0. */
function unconstrained(
  Q: Tensor,
  q: Tensor,
  count: number,
  proximal: number,
  settings: TapeSettings,
  atLeast: number,
): Unrolled {
  const n = Q.shape[0];
  const L = cholesky(proximal > 0 ? add(Q, mul(proximal, eye(n))) : Q);
  const goesOn = proximal > 0 ? continuation(settings, atLeast) : () => false;
  let x = leaf(zeros([n, count]));
  const start = proximal > 0 ? [x] : [];
  let last = start;
  let iterations = 0;
  let first: Float64Array = new Float64Array(count);
  let residual = 0;
  do {
    const before = x;
    if (proximal > 0) last = [x];
    x = neg(choleskySolve(L, sub(q, mul(proximal, x))));
    const change = squaredChange([x], [before], count);
    if (++iterations === 1) first = change;
    residual = Math.sqrt(largestRatio(change, first));
  } while (goesOn(iterations, residual));
  return { x, nu: null, lambda: null, iterations, residual: proximal > 0 ? residual : 0, start, last };
}

/** Whether another iteration follows: as many as were asked for, or at least so many and until the state has settled. */
function continuation(settings: TapeSettings, atLeast: number): (iterations: number, residual: number) => boolean {
  const { iterations: asked, maxIterations, tolerance } = settings;
  if (asked !== undefined) return (iterations) => iterations < asked;
  return (iterations, residual) => iterations < maxIterations && (iterations < atLeast || residual > tolerance);
}

/** The same values as a leaf, whose cotangent can be asked for. */
function leaf(values: Tensor): Tensor {
  const start = values.detach();
  start.requiresGrad = true;
  return start;
}

/** [top; bottom], where one of them may have no rows. */
function stacked(top: Tensor, bottom: Tensor, p: number, r: number): Tensor {
  if (p === 0) return bottom;
  return p === r ? top : concat([top, bottom], 0);
}

/** The sum of |now - before|^2 (before = 0 where null) of every column, which is an item: the largest must not hide the others. */
function squaredChange(now: readonly Tensor[], before: readonly Tensor[] | null, count: number): Float64Array {
  const totals = new Float64Array(count);
  now.forEach((tensor, i) => {
    const [u, v] = [tensor.data(), before?.[i].data()];
    for (let k = 0; k < u.length; k++) totals[k % count] += (u[k] - (v ? v[k] : 0)) ** 2;
  });
  return totals;
}

/** c'x, and the parts of nu and lambda where the cotangent has them, summed over the items. */
function lossOf({ n, p, m }: QuadraticProgram, run: Unrolled, items: readonly number[], cotangent: Cotangent): Tensor {
  let loss = sum(mul(run.x, asColumns(cotangent.x, n, items)));
  if (cotangent.nu && run.nu) loss = add(loss, sum(mul(run.nu, asColumns(cotangent.nu, p, items))));
  if (cotangent.lambda && run.lambda) loss = add(loss, sum(mul(run.lambda, asColumns(cotangent.lambda, m, items))));
  return loss;
}

/** The rows of these items as columns. */
function asColumns(rows: Float64Array, width: number, items: readonly number[]): Tensor {
  const values = new Float64Array(width * items.length);
  items.forEach((item, column) => {
    for (let j = 0; j < width; j++) values[j * items.length + column] = rows[item * width + j];
  });
  return tensor(values, { shape: [width, items.length] });
}

/** Adds a leaf's gradient where it belongs: to its items, or to the sum of a shared datum. */
function accumulate(
  problem: QuadraticProgram,
  name: DatumName,
  items: readonly number[],
  values: ArrayLike<number>,
  gradient: Float64Array,
): void {
  const datum = problem[name];
  const size = sizeOf(datum.shape);
  if (datum.shape.length === 2 || !datum.batched) {
    const at = datum.batched ? items[0] * size : 0;
    for (let k = 0; k < size; k++) gradient[at + k] += values[k];
    return;
  }
  items.forEach((item, column) => {
    for (let j = 0; j < size; j++) gradient[item * size + j] += values[j * items.length + column];
  });
}
