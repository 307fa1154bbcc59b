import { vjp as pullbackOf, type Tensor, jvp as tangentOf, tensor } from "@solvegrad/autograd";
import { activeKernels, view } from "@solvegrad/linalg";
import { diagonalRatio, maxAbs } from "../../arrays.ts";
import { leastNormSolution } from "../../kkt/least-norm.ts";
import { objectiveOf } from "../../problem/set-objective.ts";
import { parametersOf, type SetDatumName, type SetProgram } from "../../problem/set-program.ts";
import { datumTensor, type SetItem, setItems, type Tangent } from "../../sets/convex-set.ts";
import { naturalStep, type SetScales, scalesOf } from "../../solvers/projected-gradient/residual.ts";
import { isUsable, type Solution } from "../../solvers/solver.ts";
import type { DataCotangents, DataTangents, DifferentiationReport, DifferentiationRule } from "../rule.ts";

/** Entries of the scaled gradient below this share of x are weak: the side where their constraint does not bind counts. */
const weakness = 1e-8;

/**
 * Implicit differentiation of minimize f(x; theta) over C, through the fixed point x = P(z), z = x - t grad f(x). With
 * P'(z) = s T (T an orthogonal projection, s <= 1), H the Hessian and kappa = (1/s - 1) / t, the curvature of the boundary
 * times the force on it,
 *
 *     M = T (H + kappa I) T + (I - T)
 *
 * is symmetric, and positive definite where the solution is unique. For a cotangent c of x, with M u = T c and
 * v = c + u / t - H u,
 *
 *     theta: -(d grad f / d theta)' u      parameters of the set: (dP / d parameter)' v at z,
 *
 * whose transpose is the JVP. It is the system (I - (I - t H) P') v = c of the fixed point, without its unsymmetry; t falls
 * out. Factored densely, item by item; where M is singular, least squares and least norm. Multipliers that are all but zero
 * count as zero: the derivative is one-sided there.
 */
export function setImplicit(): DifferentiationRule<SetProgram, SetDatumName> {
  return { name: "implicit", vjp, jvp };
}

const vjp: DifferentiationRule<SetProgram, SetDatumName>["vjp"] = (problem, solution, cotangent, options = {}) => {
  const begin = performance.now();
  const { n, batch } = problem;
  const { objective, H, items, z } = linearized(problem, solution);
  const u = new Float64Array(batch * n);
  const v = new Float64Array(batch * n);
  let residual = 0;
  items.forEach((item, i) => {
    if (!item) return;
    const part = (rows: Float64Array) => rows.subarray(i * n, (i + 1) * n);
    const right = part(cotangent.x).slice();
    item.tangent.apply(right);
    const solved = item.solve(right);
    residual = Math.max(residual, solved.residual);
    part(u).set(solved.x);
    const Hu = product(H, i, n, solved.x);
    for (let j = 0; j < n; j++) v[i * n + j] = cotangent.x[i * n + j] + solved.x[j] / item.step - Hu[j];
  });
  const gradients: DataCotangents<SetDatumName> = {};
  const { wanted = problem.names } = options;
  const own = objective.mixed(cleaned(problem, solution), u);
  const ofSet = setCotangents(problem, z, v);
  for (const name of wanted) gradients[name] = own[name]?.map((value) => -value) ?? ofSet[name];
  return { gradients, report: reportOf(begin, problem, residual) };
};

const jvp: NonNullable<DifferentiationRule<SetProgram, SetDatumName>["jvp"]> = (problem, solution, tangents) => {
  const begin = performance.now();
  const { n, batch } = problem;
  const { objective, H, items, z } = linearized(problem, solution);
  const force = objective.mixedTangent(cleaned(problem, solution), tangents);
  const push = setTangent(problem, z, tangents);
  const x = new Float64Array(batch * n);
  let residual = 0;
  items.forEach((item, i) => {
    if (!item) return;
    const part = (rows: Float64Array) => rows.slice(i * n, (i + 1) * n);
    const { apply, shrink } = item.tangent;
    // the part of the set's own motion along the face moves x by M, the rest directly
    const along = part(push);
    apply(along);
    const across = part(push).map((value, j) => value - along[j]);
    const pulled = product(H, i, n, across);
    const right = part(force);
    for (let j = 0; j < n; j++) right[j] = -right[j] - pulled[j];
    apply(right);
    if (shrink > 0) for (let j = 0; j < n; j++) right[j] += along[j] / (shrink * item.step);
    const solved = item.solve(right);
    residual = Math.max(residual, solved.residual);
    for (let j = 0; j < n; j++) x[i * n + j] = solved.x[j] + across[j];
  });
  const none = new Float64Array(0);
  return { tangent: { x, nu: none, lambda: none }, report: reportOf(begin, problem, residual) };
};

interface LinearizedItem {
  readonly tangent: Tangent;
  readonly step: number;
  /** M^-1 right, for a right side in the range of T. */
  solve(right: Float64Array): { readonly x: Float64Array; readonly residual: number };
}

/** What both products need of the solution: H, and of every usable item z = x - t grad f and M. */
function linearized(problem: SetProgram, solution: Solution) {
  const { n } = problem;
  const x = cleaned(problem, solution);
  const { objective, sets, steps, z } = stepsBack(problem, x);
  const H = objective.hessian(x);
  const items = sets.map((set, i): LinearizedItem | null => {
    if (!isUsable(solution.status[i])) return null;
    return linearizedItem(set, z.subarray(i * n, (i + 1) * n), steps[i], H.subarray(i * n * n, (i + 1) * n * n));
  });
  return { objective, H, items, z };
}

/** z <- z - t gradient without its weak entries, for the t that makes both of one size, which is returned. */
function stepBack(z: Float64Array, gradient: Float64Array, scales: SetScales): number {
  const { size, step } = naturalStep(z, gradient, scales);
  for (let j = 0; j < z.length; j++) if (Math.abs(step * gradient[j]) > weakness * size) z[j] -= step * gradient[j];
  return step;
}

/** Of every item the step t of `stepBack`, and the points z = x - t grad f(x) whose projections are x. */
export function stepsBack(problem: SetProgram, x: Float64Array) {
  const { n, batch } = problem;
  const objective = objectiveOf(problem);
  const gradient = objective.gradient(x);
  const sets = setItems(problem.set, parametersOf(problem), n, batch);
  const z = x.slice();
  const part = (rows: Float64Array, i: number) => rows.subarray(i * n, (i + 1) * n);
  const scales = scalesOf(problem, objective, sets);
  const steps = Float64Array.from(scales, (own, i) => stepBack(part(z, i), part(gradient, i), own));
  return { objective, sets, gradient, steps, z };
}

function linearizedItem(set: SetItem, z: Float64Array, step: number, H: Float64Array): LinearizedItem {
  const n = z.length;
  const tangent = set.tangent(z);
  const { apply, shrink } = tangent;
  const kappa = (1 / shrink - 1) / step;
  const M = H.slice();
  for (let j = 0; j < n; j++) M[j * (n + 1)] += kappa;
  const onRows = () => {
    for (let r = 0; r < n; r++) apply(M.subarray(r * n, (r + 1) * n));
  };
  onRows();
  transposeInPlace(M, n);
  onRows();
  addComplement(M, n, apply, maxAbs(H) || 1);
  const L = M.slice();
  const isRegular = activeKernels().potrf(view(L, [n, n])) === 0 && diagonalRatio(L, n) > 1e-7;
  return {
    tangent,
    step,
    solve(right) {
      const x = right.slice();
      if (isRegular) activeKernels().potrs(view(L, [n, n]), view(x, [n, 1]));
      const solved = isRegular ? x : leastNormSolution(M, n, right).x;
      apply(solved);
      const rest = product(M, 0, n, solved).map((value, j) => value - right[j]);
      return { x: solved, residual: maxAbs(rest) / (maxAbs(right) || 1) };
    },
  };
}

/** M <- M + size (I - T): the identity of that size across the face. */
function addComplement(M: Float64Array, n: number, apply: Tangent["apply"], size: number): void {
  const e = new Float64Array(n);
  for (let r = 0; r < n; r++) {
    e.fill(0);
    e[r] = 1;
    apply(e);
    for (let j = 0; j < n; j++) M[r * n + j] += size * ((r === j ? 1 : 0) - e[j]);
  }
}

function transposeInPlace(M: Float64Array, n: number): void {
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < r; c++) {
      const kept = M[r * n + c];
      M[r * n + c] = M[c * n + r];
      M[c * n + r] = kept;
    }
  }
}

/** Matrix i of a batch times a vector. */
function product(matrices: Float64Array, i: number, n: number, x: Float64Array): Float64Array {
  const result = new Float64Array(n);
  activeKernels().gemv(1, view(matrices, [n, n], i * n * n), view(x, [n]), 0, view(result, [n]));
  return result;
}

/** x, with the start in the items that may not be used: their derivatives are not looked at, but have to be finite. */
export function cleaned({ n, start }: SetProgram, { x, status }: Solution): Float64Array {
  if (status.every(isUsable)) return x;
  const begin = (k: number) => start.values[start.batched ? k : k % n];
  return x.map((value, k) => (isUsable(status[Math.floor(k / n)]) ? value : begin(k)));
}

/** P at every item's z, as a function of the set's parameters alone, in Tensor ops. */
function projectionOf(problem: SetProgram, z: Float64Array) {
  const { set, n, batch, batched } = problem;
  const names = Object.keys(set.parameters);
  const at = tensor(z, { shape: batched ? [batch, n] : [n] });
  const parameters = names.map((name) => datumTensor(problem[`set.${name}`], batch));
  const project = (...own: Tensor[]) => set.project(at, Object.fromEntries(names.map((name, k) => [name, own[k]])));
  return { names: names.map((name): SetDatumName => `set.${name}`), parameters, project, shape: [...at.shape] };
}

function setCotangents(problem: SetProgram, z: Float64Array, v: Float64Array): DataCotangents<SetDatumName> {
  const { names, parameters, project, shape } = projectionOf(problem, z);
  const { pullback } = pullbackOf(project, ...parameters);
  const gradients = pullback(tensor(v, { shape })).map((gradient) => Float64Array.from(gradient.data()));
  return Object.fromEntries(names.map((name, k) => [name, gradients[k]]));
}

function setTangent(problem: SetProgram, z: Float64Array, tangents: DataTangents<SetDatumName>): Float64Array {
  const { names, parameters, project } = projectionOf(problem, z);
  const directions = parameters.map(({ shape, size }, k) =>
    tensor(tangents[names[k]] ?? new Float64Array(size), { shape: [...shape] }),
  );
  return Float64Array.from(tangentOf(project, parameters, directions).tangent.data());
}

function reportOf(begin: number, { n, batch }: SetProgram, residual: number): DifferentiationReport {
  const peakBytes = 8 * batch * n * n * 2;
  return { iterations: 0, milliseconds: performance.now() - begin, peakBytes, residual, notes: [] };
}
