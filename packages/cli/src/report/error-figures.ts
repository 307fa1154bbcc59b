import { figure } from "./document.ts";
import type { Html } from "./html.ts";
import { colors, linePlot } from "./plots.ts";

/** The errors of a truncated solution and of its gradient or Jacobian, at one tolerance or number of iterations. */
export interface ErrorPoint {
  readonly setting: number;
  readonly solutionError: number;
  readonly gradientError: number;
}

/** Whether a point can stand on logarithmic axes. */
export function isVisible({ solutionError, gradientError }: ErrorPoint): boolean {
  return solutionError > 0 && gradientError > 0;
}

/** The gradient's error against the solution's, a point for each tolerance. */
export function truncationFigure(errors: readonly ErrorPoint[], caption: string): Html {
  const points = errors.filter(isVisible).map(({ setting, solutionError, gradientError }) => ({
    x: solutionError,
    y: gradientError,
    label: setting.toExponential(0).replace("+0", "0"),
  }));
  const picture = linePlot(
    [
      { points: proportional(points), color: colors.reference, dashed: true },
      { points, color: colors.second, dots: true },
    ],
    { label: "relative error of x", type: "log" },
    { label: "relative error of the gradient", type: "log" },
    "Gradient error against solution error for several tolerances, both axes logarithmic",
  );
  const legend = [
    { label: "stopped at the tolerance named", color: colors.second },
    { label: "in proportion", color: colors.reference, dashed: true },
  ];
  return figure("The gradient's error follows the solution's", picture, legend, caption);
}

/** A line of slope one (on logarithmic axes) through the middle of the points. */
function proportional(points: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  if (points.length === 0) return [];
  const logarithm = points.reduce((sum, { x, y }) => sum + Math.log(y / x), 0) / points.length;
  const xs = points.map(({ x }) => x);
  return [Math.min(...xs), Math.max(...xs)].map((x) => ({ x, y: x * Math.exp(logarithm) }));
}

export interface ConvergenceWords {
  /** What converges besides x: "Jacobian of x with respect to q". */
  readonly derivative: string;
  /** A mark at every point: there are few. */
  readonly dots: boolean;
  readonly title: string;
  readonly caption: string;
}

/** Both errors against the iterations. */
export function convergenceFigure(errors: readonly ErrorPoint[], words: ConvergenceWords): Html {
  const { derivative, dots, title, caption } = words;
  const line = (error: "solutionError" | "gradientError") =>
    errors.map((point) => ({ x: point.setting, y: point[error] })).filter(({ y }) => y > 0);
  const picture = linePlot(
    [
      { points: line("solutionError"), color: colors.first, dots },
      { points: line("gradientError"), color: colors.second, dashed: true, dots }, // x is seen where the two coincide
    ],
    { label: "iteration" },
    { label: "relative error", type: "log" },
    "Errors of the iterate and of its derivative by iteration, logarithmic",
  );
  const legend = [
    { label: "x", color: colors.first },
    { label: derivative, color: colors.second, dashed: true },
  ];
  return figure(title, picture, legend, caption);
}
