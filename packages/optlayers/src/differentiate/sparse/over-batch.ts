import { gather, scatterTo } from "../../problem/matrix-layout.ts";
import { itemOf } from "../../problem/quadratic-program.ts";
import {
  isMatrixName,
  type SparseDatumName,
  type SparseQuadraticBatch,
  sparseDatumNames,
} from "../../problem/sparse-quadratic-batch.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { isUsable, type Solution } from "../../solvers/solver.ts";
import type { SparseState } from "../../solvers/sparse/kkt-system.ts";
import type { SparseBatchSolution } from "../../solvers/sparse-batch.ts";
import type { Cotangent, DataCotangents, DataTangents, DifferentiationReport, DifferentiationRule } from "../rule.ts";
import { timesSize, unitCotangent } from "../unit-cotangent.ts";
import type { SparseCotangent, SparseDataCotangents, SparseDataTangents, SparseJvp, SparseVjp } from "./sparse-rule.ts";

/** A point of one problem, with what its solver left behind. */
export type SolvedPoint = SparsePoint & { readonly state?: SparseState };

/** How to differentiate the solution of one sparse QP. */
export interface SparseItemRule {
  vjp(problem: SparseQuadraticProgram, point: SolvedPoint, cotangent: SparseCotangent): SparseVjp;
  jvp(problem: SparseQuadraticProgram, point: SolvedPoint, tangents: SparseDataTangents): SparseJvp;
}

/** A way to differentiate batches of sparse QPs: a value that the caller passes, independent of the solver. */
export type SparseRule = DifferentiationRule<SparseQuadraticBatch, SparseDatumName> & {
  jvp: NonNullable<DifferentiationRule<SparseQuadraticBatch, SparseDatumName>["jvp"]>;
};

/**
 * A rule for batches out of one for single problems. Items without a usable solution contribute zero; a shared datum gets
 * the sum over the batch. The cotangent of an infinite bound is zero.
 */
export function overBatch(name: string, rule: SparseItemRule): SparseRule {
  return {
    name,
    vjp(problem, solution, cotangent, { wanted = sparseDatumNames } = {}) {
      const begin = performance.now();
      const gradients: DataCotangents<SparseDatumName> = {};
      for (const datum of wanted) gradients[datum] = new Float64Array(problem[datum].values.length);
      const { unit, size } = unitCotangent(cotangent);
      const reports = usableItems(problem, solution).map(({ program, point, i }) => {
        const item = rule.vjp(program, point, cotangentOfItem(problem, unit, i));
        for (const datum of wanted) addToDatum(problem, datum, item.gradients, gradients[datum], i);
        return item.report;
      });
      const notes = wanted.includes("q") && reports.length > 0 ? linearNotes(problem) : [];
      return { gradients: timesSize(gradients, size), report: summary(reports, begin, notes) };
    },
    jvp(problem, solution, tangents) {
      const begin = performance.now();
      const { n, p, m, batch } = problem;
      const rows = (width: number) => new Float64Array(batch * width);
      const tangent = { x: rows(n), nu: rows(p), lambda: rows(m), zeta: rows(n) };
      const reports = usableItems(problem, solution).map(({ program, point, i }) => {
        const item = rule.jvp(program, point, tangentsOfItem(problem, tangents, i));
        tangent.x.set(item.tangent.x, i * n);
        tangent.nu.set(item.tangent.nu, i * p);
        tangent.lambda.set(item.tangent.lambda, i * m);
        tangent.zeta.set(item.tangent.zeta, i * n);
        return item.report;
      });
      return { tangent, report: summary(reports, begin) };
    },
  };
}

interface UsableItem {
  readonly program: SparseQuadraticProgram;
  readonly point: SolvedPoint;
  readonly i: number;
}

/** The items that have a solution; what solvers left behind is used where it is there. */
function usableItems({ n, p, m, items }: SparseQuadraticBatch, solution: Solution): UsableItem[] {
  const { x, nu, lambda, zeta = new Float64Array(x.length), status } = solution;
  const states = "items" in solution ? (solution as SparseBatchSolution).items : null;
  return items.flatMap((program, i) => {
    if (!isUsable(status[i])) return [];
    const point: SolvedPoint = {
      x: x.subarray(i * n, (i + 1) * n),
      nu: nu.subarray(i * p, (i + 1) * p),
      lambda: lambda.subarray(i * m, (i + 1) * m),
      zeta: zeta.subarray(i * n, (i + 1) * n),
      state: states?.[i].state,
    };
    return [{ program, point, i }];
  });
}

function cotangentOfItem({ n, p, m }: SparseQuadraticBatch, c: Cotangent, i: number): SparseCotangent {
  return {
    x: c.x.subarray(i * n, (i + 1) * n),
    nu: c.nu?.subarray(i * p, (i + 1) * p),
    lambda: c.lambda?.subarray(i * m, (i + 1) * m),
    zeta: c.zeta?.subarray(i * n, (i + 1) * n),
  };
}

/** result += item i's cotangent of a datum, in the layout of the caller's numbers. */
function addToDatum(
  problem: SparseQuadraticBatch,
  name: SparseDatumName,
  gradients: SparseDataCotangents,
  result: Float64Array | undefined,
  i: number,
): void {
  if (!result) return;
  const datum = problem[name];
  const own = itemOf({ ...datum, values: result }, i);
  if (isMatrixName(name)) {
    scatterTo(problem.layouts[name], gradients[name], own);
    return;
  }
  const values = itemOf(datum, i);
  for (let k = 0; k < own.length; k++) if (Number.isFinite(values[k])) own[k] += gradients[name][k];
}

function tangentsOfItem(
  problem: SparseQuadraticBatch,
  tangents: DataTangents<SparseDatumName>,
  i: number,
): SparseDataTangents {
  const ofItem: Partial<Record<SparseDatumName, Float64Array>> = {};
  for (const name of sparseDatumNames) {
    const direction = tangents[name];
    if (!direction) continue;
    const own = itemOf({ ...problem[name], values: direction }, i);
    ofItem[name] = isMatrixName(name) ? gather(problem.layouts[name], own) : own;
  }
  return ofItem;
}

/** A linear program's solution stays at its vertex as q changes: nobody should wait for a gradient to arrive. */
function linearNotes({ Q }: SparseQuadraticBatch): string[] {
  if (Q.values.some((value) => value !== 0)) return [];
  return [
    "The objective is linear: where the solution is unique it is a vertex, and the gradient of q is zero almost everywhere; a small Q, such as weight * I, gives x a slope.",
  ];
}

/** One report of the reports of the items: the largest of each, and every note once. */
function summary(
  reports: readonly DifferentiationReport[],
  begin: number,
  notes: readonly string[] = [],
): DifferentiationReport {
  const largest = (of: (report: DifferentiationReport) => number) =>
    reports.reduce((most, report) => Math.max(most, of(report)), 0);
  return {
    iterations: largest(({ iterations }) => iterations),
    milliseconds: performance.now() - begin,
    peakBytes: largest(({ peakBytes }) => peakBytes),
    residual: largest(({ residual }) => residual),
    notes: [...new Set(reports.flatMap((report) => report.notes)), ...notes],
  };
}
