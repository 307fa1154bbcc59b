import type { Comparison } from "../comparison/compare-problem.ts";
import { comparisonHead, comparisonRows, sizeOf } from "../comparison/table.ts";
import { figure, figures, paragraph, section, table } from "./document.ts";
import type { Html } from "./html.ts";
import { colors, linePlot } from "./plots.ts";

/** The table and the two figures about the gradients; `subject` says of what, for the captions. */
export function comparisonSections(comparison: Comparison, subject: string): Html[] {
  const caption =
    `${subject}: ${sizeOf(comparison)}, solved by ${comparison.solver}. Cosine and relative difference are those of the ` +
    "gradients of all data together, against the implicit rule; milliseconds and peak memory are those of the differentiation alone.";
  const notes = comparison.rules.flatMap(({ rule, notes }) => notes.map((note) => paragraph(`${rule}: ${note}`)));
  const studies = [
    ...(comparison.truncation.some(isVisible) ? [truncationFigure(comparison, subject)] : []),
    ...(comparison.convergence.some(isVisible) ? [convergenceFigure(comparison, subject)] : []),
  ];
  return [
    section(`${counted(comparison.rules.length, "way")} to the gradient`, [
      table(comparisonHead, comparisonRows(comparison), caption),
      ...notes,
    ]),
    ...(studies.length > 0 ? [section("Truncation and convergence", [figures(studies)])] : []),
  ];
}

/** Whether a point can stand on a logarithmic axis. */
function isVisible(point: {
  readonly solutionError: number;
  readonly gradientError?: number;
  readonly jacobianError?: number;
}) {
  return point.solutionError > 0 && (point.gradientError ?? point.jacobianError ?? 0) > 0;
}

const numerals = ["No", "One", "Two", "Three", "Four", "Five", "Six"];

/** "Three gradients". */
export function counted(count: number, noun: string): string {
  return `${numerals[count] ?? count} ${noun}${count === 1 ? "" : "s"}`;
}

function truncationFigure({ truncation }: Comparison, subject: string): Html {
  const points = truncation.map(({ tolerance, solutionError, gradientError }) => ({
    x: solutionError,
    y: gradientError,
    label: tolerance.toExponential(0).replace("+0", "0"),
  }));
  const visible = points.filter(({ x, y }) => x > 0 && y > 0);
  const picture = linePlot(
    [
      { points: proportional(visible), color: colors.reference, dashed: true },
      { points: visible, color: colors.second, dots: true },
    ],
    { label: "relative error of x", type: "log" },
    { label: "relative error of the gradient", type: "log" },
    "Gradient error against solution error for several tolerances, both axes logarithmic",
  );
  const legend = [
    { label: "stopped at the tolerance named", color: colors.second },
    { label: "in proportion", color: colors.reference, dashed: true },
  ];
  return figure(
    "The gradient's error follows the solution's",
    picture,
    legend,
    `${subject}, solved by ADMM and differentiated by the alternating rule, both stopped at the tolerance. Theorem 4.1 of Alt-Diff: the error of the gradient is of the order of the error of x.`,
  );
}

/** A line of slope one (on logarithmic axes) through the middle of the points. */
function proportional(points: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  if (points.length === 0) return [];
  const logarithm = points.reduce((sum, { x, y }) => sum + Math.log(y / x), 0) / points.length;
  const xs = points.map(({ x }) => x);
  return [Math.min(...xs), Math.max(...xs)].map((x) => ({ x, y: x * Math.exp(logarithm) }));
}

const jacobians = {
  carried:
    "the paper's recursion (7) carried along the ADMM iterations (5), compared with the Jacobian from the KKT conditions.",
  stopped:
    "ADMM and the alternating rule, both stopped after so many iterations. The distance of the Jacobian to the one from the KKT conditions is estimated by 8 random cotangents.",
};

function convergenceFigure(comparison: Comparison, subject: string): Html {
  const { convergence, kind, datum } = comparison;
  const { batch } = comparison.problem;
  const stopped = kind !== "qp";
  const line = (error: "solutionError" | "jacobianError") =>
    convergence.map((point) => ({ x: point.iteration, y: point[error] })).filter(({ y }) => y > 0);
  const picture = linePlot(
    [
      { points: line("solutionError"), color: colors.first, dots: stopped },
      { points: line("jacobianError"), color: colors.second, dashed: true, dots: stopped }, // x is seen where the two coincide
    ],
    { label: "iteration" },
    { label: "relative error", type: "log" },
    "Errors of the iterate and of its Jacobian by iteration, logarithmic",
  );
  const legend = [
    { label: "x", color: colors.first },
    { label: `Jacobian of x with respect to ${datum}`, color: colors.second, dashed: true },
  ];
  return figure(
    "The Jacobian converges with the solution",
    picture,
    legend,
    `${subject}${batch > 1 && !stopped ? ", first problem" : ""}: ${jacobians[stopped ? "stopped" : "carried"]}`,
  );
}
