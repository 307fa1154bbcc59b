import { dot, maxAbs } from "../arrays.ts";
import type { SetItem } from "../sets/convex-set.ts";
import { nextMomentum, restarted } from "./projected-gradient/momentum.ts";
import { fixedPointResidual, naturalStep, type SetScales } from "./projected-gradient/residual.ts";

export interface DescentSettings {
  readonly method: "accelerated" | "plain";
  /** A fixed step t. */
  readonly step?: number;
  readonly tolerance: number;
}

/** Steps below this share of x are rounding: the curvature along them says nothing. */
const rounding = 1e-13;

/** One item: x with its gradient, the point v where the step begins with its own, and the step t. */
export class DescentItem {
  x: Float64Array;
  v: Float64Array;
  step: number;
  residual = Infinity;
  iterations = 0;
  isOpen = true;
  readonly scales: SetScales;
  private readonly set: SetItem;
  private readonly settings: DescentSettings;
  private gradient = new Float64Array(0) as Float64Array;
  private arrival: Float64Array;
  private theta = 1;

  constructor(set: SetItem, scales: SetScales, start: Float64Array, settings: DescentSettings) {
    this.set = set;
    this.scales = scales;
    this.settings = settings;
    this.step = settings.step ?? 1;
    this.x = start;
    this.isOpen = !set.isEmpty;
    if (this.isOpen) set.project(start, start);
    this.v = this.x;
    this.arrival = this.x;
  }

  begin(gradient: Float64Array): void {
    this.gradient = gradient;
    this.measure(gradient);
  }

  private measure(gradient: Float64Array): void {
    if (!this.isOpen) return;
    this.residual = fixedPointResidual(this.set, this.x, gradient, this.scales).relative;
    this.isOpen = !(this.residual <= this.settings.tolerance / 2) && Number.isFinite(this.residual);
  }

  /** A point near to x on the way down. */
  probe(): Float64Array {
    const length = 1e-3 * naturalStep(this.x, this.gradient, this.scales).step;
    const point = this.x.map((value, j) => value - length * this.gradient[j]);
    if (this.isOpen) this.set.project(point, point);
    return point;
  }

  firstStep(probe: Float64Array, gradient: Float64Array): void {
    let change = 0;
    let distance = 0;
    for (let j = 0; j < probe.length; j++) {
      change += (gradient[j] - this.gradient[j]) ** 2;
      distance += (probe[j] - this.x[j]) ** 2;
    }
    const natural = naturalStep(this.x, this.gradient, this.scales).step;
    this.step = change > 0 && distance > 0 ? Math.sqrt(distance / change) : natural;
  }

  /** P(v - t grad f(v)). */
  arrive(): Float64Array {
    this.arrival = this.v.map((value, j) => value - this.step * this.gradient[j]);
    this.set.project(this.arrival, this.arrival);
    return this.arrival;
  }

  /** Moves x to the arrival, if the step fits the curvature on the way; shortens it otherwise. */
  accept(gradient: Float64Array): boolean {
    let curvature = 0;
    let square = 0;
    for (let j = 0; j < gradient.length; j++) {
      const d = this.arrival[j] - this.v[j];
      curvature += d * (gradient[j] - this.gradient[j]);
      square += d * d;
    }
    const isTiny = Math.sqrt(square) <= rounding * Math.max(maxAbs(this.x), this.scales.x);
    const fits = curvature * this.step <= square * (1 + 1e-9);
    // no shorter step mends a point that is not finite: the item ends there
    const hasSteps = this.settings.step === undefined && Number.isFinite(square);
    if (hasSteps && !isTiny && !fits) {
      this.step = Math.min(this.step / 2, Number.isFinite(curvature) ? (0.95 * square) / curvature : Infinity);
      return false;
    }
    this.move(gradient);
    return true;
  }

  private move(gradient: Float64Array): void {
    const { x, arrival } = this;
    const accelerated = this.settings.method === "accelerated";
    const { theta, beta } = accelerated ? nextMomentum(this.theta, this.v, arrival, x) : restarted;
    const startsAfresh = theta === 1 && this.theta !== 1;
    this.theta = theta;
    if (startsAfresh && this.settings.step === undefined) this.step *= 1.2;
    this.v = beta === 0 ? arrival : arrival.map((value, j) => value + beta * (value - x[j]));
    this.x = arrival;
    this.gradient = gradient;
    this.iterations++;
    this.measure(gradient);
  }

  /** The gradient at v; where that is outside the domain of f, the step begins at x. */
  departFrom(gradient: Float64Array): void {
    if (Number.isFinite(dot(gradient, gradient))) this.gradient = gradient;
    else this.v = this.x;
  }
}
