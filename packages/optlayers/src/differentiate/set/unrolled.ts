import { vjp as pullbackOf, type Tensor, jvp as tangentOf, tensor } from "@solvegrad/autograd";
import { dot, maxAbs } from "../../arrays.ts";
import { checkCount, checkFraction } from "../../check-options.ts";
import { gradientOnTape, objectiveOf, type SetObjective } from "../../problem/set-objective.ts";
import { parametersOf, type SetDatumName, type SetProgram, startOf } from "../../problem/set-program.ts";
import { datumTensor, type SetItem, setItems } from "../../sets/convex-set.ts";
import { type Momentum, nextMomentum, restarted } from "../../solvers/projected-gradient/momentum.ts";
import { isUsable, type Solution } from "../../solvers/solver.ts";
import type { DataCotangents, DifferentiationRule } from "../rule.ts";
import { Checkpoints } from "../unrolled/checkpoints.ts";
import { cleaned } from "./implicit.ts";

export interface SetUnrolledOptions {
  /** Iterations to differentiate. Without it, as many as it takes until x and its derivative settle. */
  readonly iterations?: number;
  /** Where `iterations` is not given: the share of x by which the last iteration changes it. Default 1e-12. */
  readonly tolerance?: number;
  /** Most iterations where `iterations` is not given. Default 20,000. */
  readonly maxIterations?: number;
  /** Whether the iterations have momentum, as `projectedGradient` does. Default true. */
  readonly accelerated?: boolean;
}

/**
 * Unrolling of projected gradient: the iteration is run from the problem's start with the fixed step 1/L, L the largest
 * eigenvalue of the Hessians at the start and the solution, and run backwards, step by step, by the tape of one step at a
 * time. Every few states are kept, the others computed again from there (`Checkpoints`), so that memory grows with the square
 * root of the iterations, but for one number an iteration: the momentum's weights, with its restarts, are taken as they were.
 *
 * Of the solution it uses the statuses and L. There is no alternating rule: nothing here alternates, and the unrolled
 * iteration carries its derivative already. Throws an `OptionError` for an option outside its range.
 */
export function setUnrolled(options: SetUnrolledOptions = {}): DifferentiationRule<SetProgram, SetDatumName> {
  const { iterations, tolerance = 1e-12, maxIterations = 20_000, accelerated = true } = options;
  if (iterations !== undefined) checkCount("iterations", iterations);
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  const settings = { iterations, tolerance, maxIterations, accelerated };
  return {
    name: "unrolled",
    vjp(problem, solution, cotangent, { wanted = problem.names } = {}) {
      const begin = performance.now();
      const sweep = new Sweep(problem, solution, settings);
      sweep.forward();
      const { gradients, left } = sweep.backward(cotangent.x, wanted);
      return { gradients, report: sweep.report(begin, left) };
    },
    jvp(problem, solution, tangents) {
      const begin = performance.now();
      const sweep = new Sweep(problem, solution, settings);
      const directions = sweep.names.map((name, k) => sweep.shaped(tangents[name], sweep.data[k].shape));
      const x = sweep.forward(directions);
      const none = new Float64Array(0);
      return { tangent: { x, nu: none, lambda: none }, report: sweep.report(begin, 0) };
    },
  };
}

interface Settings {
  readonly iterations: number | undefined;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly accelerated: boolean;
}

/** The two last iterates of every item. */
interface State {
  readonly x: Float64Array;
  readonly previous: Float64Array;
}

/** Less than this share of the cotangent at an iteration is not carried further back. */
const forgotten = 1e-16;

class Sweep {
  readonly names: readonly SetDatumName[];
  readonly data: readonly Tensor[];
  private readonly problem: SetProgram;
  private readonly usable: readonly boolean[];
  private readonly settings: Settings;
  private readonly objective: SetObjective;
  private readonly sets: readonly SetItem[];
  private readonly steps: Float64Array;
  private readonly checkpoints = new Checkpoints<State>();
  /** The momentum's weight of every item in every iteration. */
  private readonly betas: Float64Array[] = [];
  private change = 0;
  private heldStates = 0;

  constructor(problem: SetProgram, solution: Solution, settings: Settings) {
    this.problem = problem;
    this.settings = settings;
    this.names = problem.names;
    this.data = problem.names.map((name) => datumTensor(problem[name], problem.batch));
    this.usable = solution.status.map(isUsable);
    this.objective = objectiveOf(problem);
    this.sets = setItems(problem.set, parametersOf(problem), problem.n, problem.batch);
    this.steps = stepsFor(problem, this.objective, cleaned(problem, solution));
  }

  /** Runs the iteration, along with the tangent of x where directions of the data are given. */
  forward(directions?: readonly Tensor[]): Float64Array {
    const { problem, settings } = this;
    const { n, batch } = problem;
    let state: State = { x: startOf(problem), previous: startOf(problem) };
    let moving = [new Float64Array(batch * n), new Float64Array(batch * n)];
    let momentum: readonly Momentum[] = new Array(batch).fill(restarted);
    const limit = settings.iterations ?? settings.maxIterations;
    for (let k = 0; k < limit; k++) {
      this.checkpoints.offer(k, state);
      const beta = Float64Array.from(momentum, (own) => own.beta);
      this.betas.push(beta);
      if (directions) moving = [this.tangent(state, beta, moving, directions), moving[0]];
      const { v, x } = this.step(state, beta);
      if (settings.accelerated) momentum = this.pushed(momentum, v, x, state.x);
      this.change = relativeChange(x, state.x);
      state = { x, previous: state.x };
      const settled = [this.change, relativeChange(v, x), directions ? relativeChange(moving[0], moving[1]) : 0];
      if (settings.iterations === undefined && Math.max(...settled) <= settings.tolerance) break;
    }
    return moving[0].map((value, k) => (this.usable[Math.floor(k / n)] ? value : 0));
  }

  /** The momentum of every item after a step from v to x. */
  private pushed(momentum: readonly Momentum[], ...rows: [Float64Array, Float64Array, Float64Array]): Momentum[] {
    const { n } = this.problem;
    return momentum.map(({ theta }, i) => {
      const [v, x, before] = rows.map((values) => values.subarray(i * n, (i + 1) * n));
      return nextMomentum(theta, v, x, before);
    });
  }

  /** From the last iteration to the first. `left` is the share of the cotangent that is left at the start. */
  backward(c: Float64Array, wanted: readonly SetDatumName[]) {
    const { n } = this.problem;
    const totals = this.data.map(({ size }) => new Float64Array(size));
    let [a, b]: Float64Array[] = [
      c.map((value, k) => (this.usable[Math.floor(k / n)] ? value : 0)),
      new Float64Array(c.length),
    ];
    const size = maxAbs(a);
    let left = size;
    let k = this.betas.length;
    this.checkpoints.eachSegmentBackwards(k, (start, length) => {
      if (left <= forgotten * size) return;
      const states = this.segment(start, k - length, length);
      for (let s = length - 1; s >= 0; s--) {
        k--;
        const [xbar, previousbar, ...cotangents] = this.pullback(states[s], this.betas[k], a);
        for (let j = 0; j < b.length; j++) xbar[j] += b[j];
        [a, b] = [xbar, previousbar];
        totals.forEach((total, d) => {
          for (let j = 0; j < total.length; j++) total[j] += cotangents[d][j];
        });
      }
      left = Math.max(maxAbs(a), maxAbs(b));
    });
    const gradients: DataCotangents<SetDatumName> = {};
    for (const name of wanted) gradients[name] = totals[this.names.indexOf(name)];
    return { gradients, left: size === 0 ? 0 : left / size };
  }

  report(begin: number, left: number) {
    const { betas, change, settings, problem } = this;
    const iterations = betas.length;
    const notes =
      settings.iterations === undefined && change > settings.tolerance
        ? [`x still changed by ${change.toExponential(1)} (relative) after ${iterations} iterations.`]
        : [];
    if (left > 1e-6)
      notes.push(`The gradient has not settled: ${left.toExponential(1)} of the cotangent is left at the start.`);
    const held = this.checkpoints.states.length + this.heldStates;
    const peakBytes = 16 * held * problem.batch * problem.n + 8 * iterations * problem.batch;
    return { iterations, milliseconds: performance.now() - begin, peakBytes, residual: Math.max(change, left), notes };
  }

  /** The states from which `length` iterations begin, the first being given. */
  private segment(start: State, first: number, length: number): State[] {
    const states = [start];
    for (let s = 0; s + 1 < length; s++) {
      const { x } = states[s];
      states.push({ x: this.step(states[s], this.betas[first + s]).x, previous: x });
    }
    this.heldStates = Math.max(this.heldStates, length);
    return states;
  }

  /** One iteration: the point v where it begins and x where it arrives. Items that may not be used stay. */
  private step(state: State, beta: Float64Array): { v: Float64Array; x: Float64Array } {
    const { n } = this.problem;
    const v = this.extrapolated(state, beta);
    const gradient = this.objective.gradient(v);
    const x = v.map((value, k) => value - this.steps[Math.floor(k / n)] * gradient[k]);
    this.sets.forEach((set, i) => {
      const own = x.subarray(i * n, (i + 1) * n);
      if (this.usable[i]) set.project(own, own);
      else own.set(state.x.subarray(i * n, (i + 1) * n));
    });
    return { v, x };
  }

  private extrapolated({ x, previous }: State, beta: Float64Array): Float64Array {
    const { n } = this.problem;
    return x.map((value, k) => value + beta[Math.floor(k / n)] * (value - previous[k]));
  }

  private pullback(state: State, beta: Float64Array, cotangent: Float64Array): Float64Array[] {
    const { pullback } = pullbackOf(this.stepOnTape(beta), this.rows(state.x), this.rows(state.previous), ...this.data);
    return pullback(this.rows(cotangent)).map((gradient) => Float64Array.from(gradient.data()));
  }

  private tangent(
    state: State,
    beta: Float64Array,
    [dx, dprevious]: readonly Float64Array[],
    directions: readonly Tensor[],
  ) {
    const primals = [this.rows(state.x), this.rows(state.previous), ...this.data];
    const { tangent } = tangentOf(this.stepOnTape(beta), primals, [this.rows(dx), this.rows(dprevious), ...directions]);
    return Float64Array.from(tangent.data());
  }

  /** One iteration in Tensor ops, of x, the iterate before it and the data. */
  private stepOnTape(beta: Float64Array) {
    const { problem, names } = this;
    const setNames = Object.keys(problem.set.parameters);
    const column = (values: Float64Array) => tensor(values, { shape: problem.batched ? [values.length, 1] : [1] });
    const [weights, steps] = [column(beta), column(this.steps)];
    return (x: Tensor, previous: Tensor, ...data: Tensor[]) => {
      const named = Object.fromEntries(names.map((name, k) => [name, data[k]]));
      const v = x.add(x.sub(previous).mul(weights));
      const z = v.sub(gradientOnTape(problem, v, named).mul(steps));
      return problem.set.project(z, Object.fromEntries(setNames.map((name) => [name, named[`set.${name}`]])));
    };
  }

  private rows(values: Float64Array): Tensor {
    return this.shaped(values, this.problem.batched ? [this.problem.batch, this.problem.n] : [this.problem.n]);
  }

  shaped(values: Float64Array | undefined, shape: readonly number[]): Tensor {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return tensor(values ?? new Float64Array(size), { shape: [...shape] });
  }
}

/** 1/L of every item, by the power method on the Hessians at the start and at the solution. */
function stepsFor(problem: SetProgram, objective: SetObjective, x: Float64Array): Float64Array {
  const { n, batch } = problem;
  const hessians = [objective.hessian(startOf(problem)), objective.hessian(x)];
  return Float64Array.from({ length: batch }, (_, i) => {
    const largest = hessians.map((H) => largestEigenvalue(H.subarray(i * n * n, (i + 1) * n * n), n));
    return 1 / (Math.max(...largest.filter(Number.isFinite)) || 1);
  });
}

/** Of a symmetric positive semidefinite matrix, from above by a hundredth. */
function largestEigenvalue(H: Float64Array, n: number): number {
  let v = Float64Array.from({ length: n }, (_, j) => 1 + 0.1 * Math.sin(j + 1));
  let value = 0;
  for (let k = 0; k < 60; k++) {
    const size = Math.sqrt(dot(v, v)) || 1;
    const unit = v.map((entry) => entry / size);
    v = Float64Array.from({ length: n }, (_, r) => dot(H.subarray(r * n, (r + 1) * n), unit));
    value = Math.sqrt(dot(v, v));
  }
  return 1.01 * value;
}

function relativeChange(now: Float64Array, before: Float64Array): number {
  let change = 0;
  for (let k = 0; k < now.length; k++) change = Math.max(change, Math.abs(now[k] - before[k]));
  return change === 0 ? 0 : change / maxAbs(now);
}
