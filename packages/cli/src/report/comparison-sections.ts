import type { Comparison } from "../comparison/compare-problem.ts";
import { comparisonHead, comparisonRows, sizeOf } from "../comparison/table.ts";
import { figures, paragraph, section, table } from "./document.ts";
import { convergenceFigure, isVisible, truncationFigure } from "./error-figures.ts";
import type { Html } from "./html.ts";

/** The table and the two figures about the gradients; `subject` says of what, for the captions. */
export function comparisonSections(comparison: Comparison, subject: string): Html[] {
  const caption =
    `${subject}: ${sizeOf(comparison)}, solved by ${comparison.solver}. Cosine and relative difference are those of the ` +
    "gradients of all data together, against the implicit rule; milliseconds and peak memory are those of the differentiation alone.";
  const notes = comparison.rules.flatMap(({ rule, notes }) => notes.map((note) => paragraph(`${rule}: ${note}`)));
  const studies = [...truncationStudyOf(comparison, subject), ...convergenceStudyOf(comparison, subject)];
  return [
    section(`${counted(comparison.rules.length, "way")} to the gradient`, [
      table(comparisonHead, comparisonRows(comparison), caption),
      ...notes,
    ]),
    ...(studies.length > 0 ? [section("Truncation and convergence", [figures(studies)])] : []),
  ];
}

const numerals = ["No", "One", "Two", "Three", "Four", "Five", "Six"];

/** "Three gradients". */
export function counted(count: number, noun: string): string {
  return `${numerals[count] ?? count} ${noun}${count === 1 ? "" : "s"}`;
}

function truncationStudyOf({ truncation }: Comparison, subject: string): Html[] {
  const points = truncation.map(({ tolerance, ...errors }) => ({ setting: tolerance, ...errors }));
  const caption = `${subject}, solved by ADMM and differentiated by the alternating rule, both stopped at the tolerance. Theorem 4.1 of Alt-Diff: the error of the gradient is of the order of the error of x.`;
  return points.some(isVisible) ? [truncationFigure(points, caption)] : [];
}

const jacobians = {
  carried:
    "the paper's recursion (7) carried along the ADMM iterations (5), compared with the Jacobian from the KKT conditions.",
  stopped:
    "ADMM and the alternating rule, both stopped after so many iterations. The distance of the Jacobian to the one from the KKT conditions is estimated by 8 random cotangents.",
};

function convergenceStudyOf({ convergence, kind, datum, problem }: Comparison, subject: string): Html[] {
  const points = convergence.map(({ iteration, solutionError, jacobianError }) => ({
    setting: iteration,
    solutionError,
    gradientError: jacobianError,
  }));
  if (!points.some(isVisible)) return [];
  const stopped = kind !== "qp";
  const which = problem.batch > 1 && !stopped ? ", first problem" : "";
  const words = {
    derivative: `Jacobian of x with respect to ${datum}`,
    dots: stopped,
    title: "The Jacobian converges with the solution",
    caption: `${subject}${which}: ${jacobians[stopped ? "stopped" : "carried"]}`,
  };
  return [convergenceFigure(points, words)];
}
