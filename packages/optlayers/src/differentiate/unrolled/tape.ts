import { add, grad, mul, noGrad, sum, type Tensor, tapeBytes, tensor } from "@solvegrad/autograd";
import { sizeOf } from "@solvegrad/linalg";
import { type DatumName, datumNames, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import { largestRatio } from "../alternating/adjoint.ts";
import type { FrozenPoint } from "../alternating/point.ts";
import type { Cotangent, DataCotangents } from "../rule.ts";
import { Checkpoints } from "./checkpoints.ts";
import { asLeaf, type IterationState, type IterationSystem, leavesOf, UnrolledIteration } from "./iteration.ts";

/** When a tape ends, its over-relaxation, and whether it is kept whole. */
export interface TapeSettings {
  readonly iterations: number | undefined;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly relaxation: number;
  readonly checkpoints: boolean;
}

/** What a run of the iterations and of their derivative came to. */
export interface UnrolledRun {
  readonly iterations: number;
  /** The last change of the state relative to the first. */
  readonly residual: number;
  /**
   * How far the derivative is from settled: what is left of the cotangent at the start of a tape, relative to that at its end; the
   * last change of a tangent, relative to the largest.
   */
  readonly unsettled: number;
  readonly bytes: number;
}

/** A tape whose `unsettled` is below this many tolerances has the gradient of the fixed point. */
export const settledMemory = 100;

/** What the loss of a group's items is made of. */
interface Task {
  readonly problem: QuadraticProgram;
  readonly items: readonly number[];
  readonly cotangent: Cotangent;
  readonly iteration: UnrolledIteration;
  readonly system: IterationSystem;
  /** The parts of the system, which are leaves, whose cotangents are wanted. */
  readonly wanted: readonly Tensor[];
}

type SystemPart = keyof IterationSystem;
const systemParts: readonly SystemPart[] = ["q", "K", "k", "L"];

/** The data that each part of the iterations' system is made of. */
const ingredients: Readonly<Record<SystemPart, readonly DatumName[]>> = {
  q: ["q"],
  K: ["A", "G"],
  k: ["b", "h"],
  L: ["Q", "A", "G"],
};

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
): UnrolledRun {
  const names = datumNames.filter((name) => gradients[name] && problem[name].values.length > 0);
  const leaves = leavesOf(problem, items);
  const iteration = new UnrolledIteration(point, items.length, settings.relaxation);
  const made = iteration.system(leaves);
  const system = asLeaves(made);
  const isWanted = (part: SystemPart) => ingredients[part].some((name) => names.includes(name)) && made[part].size > 0;
  const wanted = systemParts.filter(isWanted);
  const task: Task = { problem, items, cotangent, iteration, system, wanted: wanted.map((part) => system[part]) };
  let atLeast = 1;
  let before = Infinity;
  for (;;) {
    const run = settings.checkpoints ? inSegments(task, settings, atLeast) : inOne(task, settings, atLeast);
    const longer = 2 * run.tape.iterations;
    const settled = run.tape.unsettled <= settledMemory * settings.tolerance || run.tape.unsettled > before / 2;
    if (settled || settings.iterations !== undefined || longer > settings.maxIterations) {
      const loss = paired(
        wanted.map((part) => made[part]),
        run.cotangents,
      );
      const results = grad(
        loss,
        names.map((name) => leaves[name]),
      );
      names.forEach((name, k) => {
        accumulate(problem, name, items, results[k].data(), gradients[name] ?? new Float64Array());
      });
      // the leaves of the iterations' tape are the arrays at the end of the system's
      const ofSystem = tapeBytes(made.L) + tapeBytes(made.k) - bytesOf([made.L, made.K, made.k]);
      return { ...run.tape, bytes: run.tape.bytes + ofSystem };
    }
    atLeast = longer;
    before = run.tape.unsettled;
  }
}

/** The system as leaves of the tape of the iterations, which ends there. */
function asLeaves({ q, K, k, L }: IterationSystem): IterationSystem {
  return { q: asLeaf(q), K: asLeaf(K), k: asLeaf(k), L: asLeaf(L) };
}

interface Swept {
  readonly tape: UnrolledRun;
  /** The cotangents of the system's wanted parts. */
  readonly cotangents: readonly Tensor[];
}

/** The whole tape at once. */
function inOne(task: Task, settings: TapeSettings, atLeast: number): Swept {
  const { iteration, system, items } = task;
  const start = iteration.leaves(iteration.start(system));
  const run = iterate(iteration, system, start, items.length, continuation(settings, atLeast));
  const loss = lossOf(task, run.end);
  const { cotangents, first, last } = backwards(task, loss, start, run.before);
  const { iterations, residual } = run;
  const unsettled = ratio(first, last, items.length);
  return { cotangents, tape: { iterations, residual, unsettled, bytes: tapeBytes(loss) } };
}

/**
 * The same from stored states, about as many as the square root of the iterations: each segment between two of them is run again
 * on a tape of its own, from the last to the first (Griewank 1992). The sums of the gradients are taken in another order, so they
 * agree to rounding.
 */
function inSegments(task: Task, settings: TapeSettings, atLeast: number): Swept {
  const { iteration, system, items } = task;
  const checkpoints = new Checkpoints<IterationState>();
  const { iterations, residual } = noGrad(() => {
    const store = (k: number, state: IterationState) => checkpoints.offer(k, iteration.leaves(state));
    return iterate(iteration, system, iteration.start(system), items.length, continuation(settings, atLeast), store);
  });
  const stored = checkpoints.states.reduce((sum, state) => sum + bytesOf(iteration.memory(state)), 0);
  let cotangents: readonly Tensor[] = [];
  let ofState: readonly Tensor[] = [];
  let [unsettled, largest, last]: [number, number, readonly Tensor[]] = [0, 0, []];
  checkpoints.eachSegmentBackwards(iterations, (start, length) => {
    const run = iterate(iteration, system, start, items.length, (k) => k < length);
    const isLast = cotangents.length === 0 && last.length === 0;
    const loss = isLast ? lossOf(task, run.end) : paired(iteration.memory(run.end), ofState);
    const swept = backwards(task, loss, start, run.before);
    cotangents = swept.cotangents.map((value, i) => (cotangents[i] ? add(cotangents[i], value) : value));
    ofState = swept.first;
    if (isLast) last = swept.last;
    unsettled = ratio(ofState, last, items.length);
    largest = Math.max(largest, tapeBytes(loss));
  });
  return { cotangents, tape: { iterations, residual, unsettled, bytes: stored + largest + bytesOf(cotangents) } };
}

/** The cotangents of the system, of the first state and of the state before the last iteration. */
function backwards({ wanted, iteration }: Task, loss: Tensor, start: IterationState, before: IterationState) {
  const [first, last] = [iteration.memory(start), iteration.memory(before)];
  const results = grad(loss, [...wanted, ...first, ...last]);
  return {
    cotangents: results.slice(0, wanted.length),
    first: results.slice(wanted.length, wanted.length + first.length),
    last: results.slice(wanted.length + first.length),
  };
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { size }) => sum + 8 * size, 0);
}

interface Iterated {
  readonly end: IterationState;
  /** The state before the last iteration. */
  readonly before: IterationState;
  readonly iterations: number;
  readonly residual: number;
}

/** Iterates as long as `goesOn` says; `visit` sees every state that an iteration begins from. One iteration where there is no state. */
function iterate(
  iteration: UnrolledIteration,
  system: IterationSystem,
  start: IterationState,
  count: number,
  goesOn: (iterations: number, residual: number) => boolean,
  visit: (k: number, state: IterationState) => void = () => {},
): Iterated {
  const hasMemory = iteration.memory(start).length > 0;
  let [before, end] = [start, start];
  let iterations = 0;
  let first: Float64Array = new Float64Array(count);
  let residual = 0;
  do {
    before = end;
    visit(iterations, before);
    end = iteration.advance(system, before);
    const change = squaredChange(iteration.memory(end), iteration.memory(before), count);
    if (++iterations === 1) first = change;
    residual = Math.sqrt(largestRatio(change, first));
  } while (hasMemory && goesOn(iterations, residual));
  return { end, before, iterations, residual: hasMemory ? residual : 0 };
}

/** Whether another iteration follows: as many as were asked for, or at least so many and until the state has settled. */
export function continuation(
  { iterations: asked, maxIterations, tolerance }: TapeSettings,
  atLeast: number,
): (iterations: number, residual: number) => boolean {
  if (asked !== undefined) return (iterations) => iterations < asked;
  return (iterations, residual) => iterations < maxIterations && (iterations < atLeast || residual > tolerance);
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

/** The largest ratio, over the items, of the cotangents of the first state to those of the last. */
function ratio(first: readonly Tensor[], last: readonly Tensor[], count: number): number {
  return Math.sqrt(largestRatio(squaredChange(first, null, count), squaredChange(last, null, count)));
}

/** The sum of <cotangent, tensor>. */
function paired(tensors: readonly Tensor[], cotangents: readonly Tensor[]): Tensor {
  return tensors.reduce((total, value, i) => add(total, sum(mul(value, cotangents[i]))), tensor(0));
}

/** c'x, and the parts of nu and lambda where the cotangent has them, summed over the items. */
function lossOf({ problem: { n, p, m }, items, cotangent, iteration }: Task, end: IterationState): Tensor {
  const { nu, lambda } = iteration.duals(end);
  let loss = sum(mul(end.x, asColumns(cotangent.x, n, items)));
  if (cotangent.nu && nu) loss = add(loss, sum(mul(nu, asColumns(cotangent.nu, p, items))));
  if (cotangent.lambda && lambda) loss = add(loss, sum(mul(lambda, asColumns(cotangent.lambda, m, items))));
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
