import { kktMethod } from "../../kkt/choose-method.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { selectItems } from "../../problem/select-items.ts";
import { fromEarlier } from "../earlier-solution.ts";
import { polish } from "../interior-point/polish.ts";
import type { InteriorPoint } from "../interior-point/state.ts";
import { type ResidualUnits, residualUnits } from "../residual-units.ts";
import type { Solution } from "../solver.ts";
import type { AdmmGroup } from "./groups.ts";
import type { AdmmRun, AdmmSettings } from "./iteration.ts";

/**
 * ADMM finds the active constraints of most problems long before the last digits of the solution, which are one linear
 * system away. A looser tolerance than this is a wish for a truncated solution, and gets what the iteration gives.
 */
const finishingTolerance = 1e-5;

export interface FinishSettings {
  readonly tolerance: number;
  readonly polish: boolean;
}

function finishes({ tolerance, polish }: FinishSettings): boolean {
  return polish && tolerance <= finishingTolerance;
}

/** The items that an earlier solution solves, by item: at once, or by way of its active constraints. */
export function knownItems(
  problem: QuadraticProgram,
  settings: FinishSettings,
  units: ResidualUnits,
  earlier: Solution | undefined,
): Map<number, InteriorPoint> {
  const { tolerance } = settings;
  const method = finishes(settings) ? () => kktMethod(problem) : null;
  const found = earlier && fromEarlier(problem, earlier, { tolerance, units, method });
  const known = new Map<number, InteriorPoint>();
  found?.relative.forEach((relative, item) => {
    if (relative <= tolerance) known.set(item, itemPoint(problem, found.point, item));
  });
  return known;
}

/** What `runAdmm` asks for the rows of a group; undefined at a tolerance that asks for less. */
export function finisher(
  problem: QuadraticProgram,
  { first, geometry }: AdmmGroup,
  settings: FinishSettings,
  t: Float64Array,
): AdmmSettings["finish"] {
  if (!finishes(settings)) return undefined;
  return (rows, run) => {
    const items = rows.map((row) => first + row);
    const part = items.length === problem.batch ? problem : selectItems(problem, items);
    const point = emptyPoint(part);
    rows.forEach((row, k) => {
      writeRow(point, k, geometry, run, t, row);
    });
    const found = polish(part, kktMethod(part), point, () => true, residualUnits(part));
    const solved = rows.flatMap((row, k): [number, InteriorPoint][] => {
      return found.relative[k] <= settings.tolerance ? [[row, itemPoint(part, found.point, k)]] : [];
    });
    return new Map(solved);
  };
}

export function emptyPoint({ n, p, m, batch }: QuadraticProgram): InteriorPoint {
  const [x, nu, lambda, s] = [n, p, m, m].map((width) => new Float64Array(batch * width));
  return { x, nu, lambda, s };
}

function itemPoint({ n, p, m }: QuadraticProgram, { x, nu, lambda, s }: InteriorPoint, item: number): InteriorPoint {
  const rows = (values: Float64Array, width: number) => values.slice(item * width, (item + 1) * width);
  return { x: rows(x, n), nu: rows(nu, p), lambda: rows(lambda, m), s: rows(s, m) };
}

/** Row `row` of a run back in the units of the data, as item k of `point`: nu = E nu~, lambda = E max(w, 0), s = max(-w, 0) / (rho E). */
export function writeRow(
  point: InteriorPoint,
  k: number,
  { n, p, r, scale }: AdmmGroup["geometry"],
  { X, rho }: Pick<AdmmRun, "X" | "rho">,
  t: Float64Array,
  row: number,
): void {
  const m = r - p;
  point.x.set(X.subarray(row * n, (row + 1) * n), k * n);
  for (let j = 0; j < p; j++) point.nu[k * p + j] = scale[j] * t[row * r + j];
  for (let j = 0; j < m; j++) {
    const w = t[row * r + p + j];
    point.lambda[k * m + j] = scale[p + j] * Math.max(w, 0);
    point.s[k * m + j] = Math.max(-w, 0) / (rho * scale[p + j]);
  }
}
