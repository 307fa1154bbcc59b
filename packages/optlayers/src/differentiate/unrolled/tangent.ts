import { type KktVector, kktVector } from "../../kkt/kkt-method.ts";
import type { DatumName, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { boundsOf } from "../../solvers/admm/groups.ts";
import type { Solution } from "../../solvers/solver.ts";
import { largestRatio } from "../alternating/adjoint.ts";
import type { FrozenPoint } from "../alternating/point.ts";
import { pushForwardBy, quadraticTangents } from "../pushforward.ts";
import type { DataTangents, SolutionTangent } from "../rule.ts";
import { type AdmmReplay, admmReplay } from "./admm-replay.ts";
import { continuation, type TapeSettings, type UnrolledRun } from "./tape.ts";

/** A group on its way. */
interface MovingGroup {
  readonly point: FrozenPoint;
  readonly replay: AdmmReplay;
}

/**
 * The tangents of all data carried forwards along ADMM's iterations from its cold start, each iteration differentiated at its own
 * pattern: the transpose of what the tape of the same iterations does backwards, however few they are. The start counts as
 * a constant.
 */
export function carryTangents(
  problem: QuadraticProgram,
  solution: Solution,
  points: readonly FrozenPoint[],
  tangents: DataTangents<DatumName>,
  settings: TapeSettings,
): { readonly tangent: SolutionTangent; readonly run: UnrolledRun } {
  const groups = points.map((point) => ({ point, replay: replayFrom(problem, point, settings.relaxation) }));
  const hasMemory = groups.some(({ point, replay }) => stateOf(point, replay.t, replay.x).length > 0);
  const goesOn = continuation(settings, 1);
  const at = kktVector(problem, problem.batch);
  const [ofStates, ofTangents] = [new RelativeChange(problem.batch), new RelativeChange(problem.batch)];
  let iterations = 0;
  do {
    iterations++;
    for (const { point, replay } of groups) {
      ofStates.measure(point, stateOf(point, replay.t, replay.x), () => replay.advance());
      place(problem, point, replay.x, replay.duals, at);
    }
    const rhs = pushForwardBy(quadraticTangents, problem, { ...solution, ...at }, tangents);
    for (const { point, replay } of groups) {
      const advance = () => replay.advanceTangents(rowsOf(problem, point, rhs));
      ofTangents.measure(point, stateOf(point, replay.dt, replay.dX), advance);
    }
  } while (hasMemory && goesOn(iterations, Math.max(ofStates.next(), ofTangents.next())));
  const tangent = kktVector(problem, problem.batch);
  for (const group of groups) place(problem, group.point, group.replay.dX, dualTangents(group), tangent);
  const { n, p, m, batch } = problem;
  const run = {
    iterations,
    residual: hasMemory ? ofStates.latest : 0,
    unsettled: hasMemory ? ofTangents.latest : 0,
    bytes: 8 * batch * (10 * n + 12 * (p + m)),
  };
  return { tangent, run };
}

/** ADMM's own start, at x = 0 and s = max(h, 0). */
function replayFrom(problem: QuadraticProgram, { group, factor }: FrozenPoint, relaxation: number): AdmmReplay {
  const { p, r } = group.geometry;
  const bounds = boundsOf(problem, group);
  const t = bounds.map((bound, k) => (k % r < p ? 0 : -factor.rho * Math.max(bound, 0)));
  return admmReplay(problem, group, factor, relaxation, t);
}

/** What the next iteration takes of (t, x): x only where there is a proximal term. */
function stateOf({ group, factor }: FrozenPoint, t: Float64Array, x: Float64Array): Float64Array[] {
  return [...(group.geometry.r > 0 ? [t] : []), ...(factor.proximal > 0 ? [x] : [])];
}

/** The rows of a group's items: x, and (nu, lambda) side by side, into the rows of the batch. Zeros where they may not be used. */
function place(
  { p, m }: QuadraticProgram,
  { group, usable }: FrozenPoint,
  x: Float64Array,
  duals: Float64Array,
  to: KktVector,
): void {
  const { n, r } = group.geometry;
  for (let i = 0; i < group.count; i++) {
    if (!usable[i]) continue;
    const item = group.first + i;
    to.x.set(x.subarray(i * n, (i + 1) * n), item * n);
    to.nu.set(duals.subarray(i * r, i * r + p), item * p);
    to.lambda.set(duals.subarray(i * r + p, (i + 1) * r), item * m);
  }
}

/** A right-hand side as force and shift: minus the group's rows of it, the duals' scaled. */
function rowsOf({ p, m }: QuadraticProgram, { group }: FrozenPoint, rhs: KktVector) {
  const { first, count, geometry } = group;
  const { n, r, scale } = geometry;
  const force = rhs.x.slice(first * n, (first + count) * n).map((value) => -value);
  const shift = new Float64Array(count * r);
  for (let i = 0, k = 0; i < count; i++) {
    for (let j = 0; j < r; j++, k++) {
      const value = j < p ? rhs.nu[(first + i) * p + j] : rhs.lambda[(first + i) * m + j - p];
      shift[k] = -scale[j] * value;
    }
  }
  return { force, shift };
}

/** Of nu and of lambda = max(w, 0), in the units of the data. */
function dualTangents({ point: { group }, replay: { t, dt } }: MovingGroup): Float64Array {
  const { p, r, scale } = group.geometry;
  return dt.map((value, k) => (k % r < p || t[k] > 0 ? scale[k % r] * value : 0));
}

/** How much the rows of the items change in an iteration, relative to the most that they ever did. */
class RelativeChange {
  latest = 0;
  private readonly squares: Float64Array;
  private readonly largest: Float64Array;

  constructor(batch: number) {
    this.squares = new Float64Array(batch);
    this.largest = new Float64Array(batch);
  }

  /** Takes the change that `move` makes to the arrays of a group's usable items. */
  measure({ group, usable }: FrozenPoint, arrays: readonly Float64Array[], move: () => void): void {
    const before = arrays.map((values) => values.slice());
    move();
    arrays.forEach((values, a) => {
      const width = values.length / group.count;
      for (let k = 0; k < values.length; k++) {
        const i = Math.floor(k / width);
        if (usable[i]) this.squares[group.first + i] += (values[k] - before[a][k]) ** 2;
      }
    });
  }

  /** Ends an iteration: the largest relative change of an item. */
  next(): number {
    const { squares, largest } = this;
    for (let i = 0; i < squares.length; i++) largest[i] = Math.max(largest[i], squares[i]);
    this.latest = Math.sqrt(largestRatio(squares, largest));
    squares.fill(0);
    return this.latest;
  }
}
