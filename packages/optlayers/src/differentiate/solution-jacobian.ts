import { dot } from "../arrays.ts";
import type { Datum } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";
import type {
  Cotangent,
  DataTangents,
  DifferentiationReport,
  DifferentiationRule,
  Jacobian,
  Jvp,
  SolutionPart,
} from "./rule.ts";

/** A batch of problems of any kind, with the data of these names; one that may be left out is null. */
export type DataOf<N extends string> = { readonly batch: number } & Readonly<Record<N, Datum | null>>;

const parts: readonly SolutionPart[] = ["x", "nu", "lambda"];

/**
 * The Jacobian of x (or of nu or lambda) with respect to one datum, by any rule: batch x width x d, d the entries of one item of
 * the datum. By the rule's own way where it has one; otherwise by whichever takes fewer products, rows of
 * vector-Jacobian products (one for each entry of x, times the items where they share the datum) or columns of
 * Jacobian-vector products (d). A rule without `jvp` gives rows.
 */
export function solutionJacobian<N extends string, P extends DataOf<N>>(
  rule: DifferentiationRule<P, N>,
  problem: P,
  solution: Solution,
  datum: N,
  { of = "x" }: { readonly of?: SolutionPart } = {},
): Jacobian {
  if (rule.jacobian) return rule.jacobian(problem, solution, datum, of);
  const { values, batched } = problem[datum] ?? { values: new Float64Array(0), batched: false };
  const { batch } = problem;
  const shape = [batch, solution[of].length / batch, values.length / (batched ? batch : 1)] as const;
  const rows = shape[1] * (batched ? 1 : batch);
  return rule.jvp && shape[2] < rows
    ? byColumns(rule.jvp.bind(rule), problem, solution, datum, of, shape)
    : byRows(rule, problem, solution, datum, of, shape);
}

function byColumns<N extends string, P extends DataOf<N>>(
  jvp: (problem: P, solution: Solution, tangents: DataTangents<N>) => Jvp,
  problem: P,
  solution: Solution,
  datum: N,
  of: SolutionPart,
  shape: Jacobian["shape"],
): Jacobian {
  const [batch, width, d] = shape;
  const values = new Float64Array(batch * width * d);
  const tangent = new Float64Array(problem[datum]?.values.length ?? 0);
  const reports: DifferentiationReport[] = [];
  for (let e = 0; e < d; e++) {
    for (let k = e; k < tangent.length; k += d) tangent[k] = 1;
    const column = jvp(problem, solution, { [datum]: tangent } as DataTangents<N>);
    for (let k = e; k < tangent.length; k += d) tangent[k] = 0;
    for (let k = 0; k < batch * width; k++) values[k * d + e] = column.tangent[of][k];
    reports.push(column.report);
  }
  return { values, shape, report: together(reports, 8 * values.length) };
}

function byRows<N extends string, P extends DataOf<N>>(
  rule: DifferentiationRule<P, N>,
  problem: P,
  solution: Solution,
  datum: N,
  of: SolutionPart,
  shape: Jacobian["shape"],
): Jacobian {
  const [batch, width, d] = shape;
  const values = new Float64Array(batch * width * d);
  const reports = eachRow(rule, problem, solution, [datum], of, (gradients, items, j) => {
    for (const i of items) values.set(itemPart(problem, gradients, datum, i), (i * width + j) * d);
  });
  return { values, shape, report: together(reports, 8 * values.length) };
}

/**
 * Visits the gradients of entry j of one part, for all items together where no datum that is wanted is shared, otherwise item by
 * item. Returns the reports.
 */
function eachRow<N extends string, P extends DataOf<N>>(
  rule: DifferentiationRule<P, N>,
  problem: P,
  solution: Solution,
  wanted: readonly N[],
  of: SolutionPart,
  visit: (gradients: Partial<Record<N, Float64Array>>, items: readonly number[], j: number) => void,
): DifferentiationReport[] {
  const { batch } = problem;
  const width = solution[of].length / batch;
  const all = Array.from({ length: batch }, (_, i) => i);
  const groups = wanted.every((name) => problem[name]?.batched) ? [all] : all.map((i) => [i]);
  return groups.flatMap((items) =>
    Array.from({ length: width }, (_, j) => {
      const c = new Float64Array(batch * width);
      for (const i of items) c[i * width + j] = 1;
      const cotangent: Cotangent = { x: new Float64Array(solution.x.length), [of]: c };
      const { gradients, report } = rule.vjp(problem, solution, cotangent, { wanted });
      visit(gradients, items, j);
      return report;
    }),
  );
}

/** Item i's part of the gradient of a datum. */
function itemPart<N extends string, P extends DataOf<N>>(
  problem: P,
  gradients: Partial<Record<N, Float64Array>>,
  name: N,
  i: number,
): Float64Array {
  const gradient = gradients[name] ?? new Float64Array(0);
  return problem[name]?.batched ? entriesOf(gradient, problem.batch, i) : gradient;
}

function entriesOf(values: Float64Array, batch: number, i: number): Float64Array {
  const size = values.length / batch;
  return values.subarray(i * size, (i + 1) * size);
}

/**
 * A rule with a Jacobian-vector product: itself where it has one, otherwise by one vector-Jacobian product for each entry of
 * (x, nu, lambda), and for each item where the items share data that move.
 */
export function withJvp<N extends string, P extends DataOf<N>>(
  rule: DifferentiationRule<P, N>,
): DifferentiationRule<P, N> & Required<Pick<DifferentiationRule<P, N>, "jvp">> {
  const own = rule.jvp;
  return { ...rule, jvp: own?.bind(rule) ?? ((...at) => tangentByRows(rule, ...at)) };
}

function tangentByRows<N extends string, P extends DataOf<N>>(
  rule: DifferentiationRule<P, N>,
  problem: P,
  solution: Solution,
  tangents: DataTangents<N>,
): Jvp {
  const moving = (Object.keys(tangents) as N[]).filter((name) => tangents[name]);
  const reports: DifferentiationReport[] = [];
  const [x, nu, lambda] = parts.map((of) => {
    const tangent = new Float64Array(solution[of].length);
    const width = tangent.length / problem.batch;
    const visited = eachRow(rule, problem, solution, moving, of, (gradients, items, j) => {
      for (const i of items) {
        for (const name of moving) {
          const direction = itemPart<N, P>(problem, tangents, name, i);
          tangent[i * width + j] += dot(itemPart(problem, gradients, name, i), direction);
        }
      }
    });
    reports.push(...visited);
    return tangent;
  });
  return { tangent: { x, nu, lambda }, report: together(reports, 8 * (x.length + nu.length + lambda.length)) };
}

/** Many products as one: the largest figures, the whole time, and each note once. */
function together(reports: readonly DifferentiationReport[], bytes: number): DifferentiationReport {
  const largest = (figure: "iterations" | "peakBytes" | "residual") =>
    reports.reduce((most, report) => Math.max(most, report[figure]), 0);
  return {
    iterations: largest("iterations"),
    milliseconds: reports.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    peakBytes: bytes + largest("peakBytes"),
    residual: largest("residual"),
    notes: [...new Set(reports.flatMap(({ notes }) => notes))],
  };
}
