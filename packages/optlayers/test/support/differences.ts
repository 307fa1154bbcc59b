import type { DatumName, QuadraticProgram } from "../../src/index.ts";
import { moved, norm, randomDirection } from "../random-programs.ts";

/** (f(datum + e d) - f(datum - e d)) / 2e along a direction d of one datum. */
export function centralSlope(
  problem: QuadraticProgram,
  name: DatumName,
  direction: Float64Array,
  f: (moved: QuadraticProgram) => number,
  step = 1e-5,
): number {
  return (f(moved(problem, name, direction, step)) - f(moved(problem, name, direction, -step))) / (2 * step);
}

/** A random direction with a part along the gradient, which keeps the slope away from 0. */
export function slantedDirection(
  problem: QuadraticProgram,
  name: DatumName,
  gradient: Float64Array,
  seed: number,
): Float64Array {
  const length = norm(gradient) || 1;
  return randomDirection(problem, name, seed).map(
    (value, k) => value / Math.sqrt(gradient.length) + gradient[k] / length,
  );
}
