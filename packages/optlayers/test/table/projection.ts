import { concat, type Tensor } from "@solvegrad/autograd";
import { affine, ball, box, projectionLayer, quadraticLayer, simplex } from "../../src/index.ts";
import { identity } from "../random-programs.ts";
import type { Random, TableClass, TableDatum } from "./table-class.ts";

const n = 5;

type Data = Readonly<Record<string, Tensor>>;

/** The projections of one vector on a box, a simplex, a ball and an affine set, whose parameters are data. */
const bySet = (data: Data): readonly Tensor[] => [
  projectionLayer(box(data.lower, data.upper), data.z).x,
  projectionLayer(simplex(data.total, data.cap), data.z).x,
  projectionLayer(ball(data.radius, data.center), data.z).x,
  projectionLayer(affine(data.A, data.b), data.z).x,
];

/** The three that are QPs by the general solver; the ball, which is none, stays. */
function byQuadratic(data: Data): readonly Tensor[] {
  const Q = identity(n);
  const q = data.z.neg();
  const G = identity(n, -1).concat(identity(n));
  const rows = (lower: Tensor, upper: Tensor) => concat([lower.neg(), upper], 0);
  const ones = [new Array<number>(n).fill(1)];
  const sum = data.total.reshape([1]);
  return [
    quadraticLayer({ Q, q, G, h: rows(data.lower, data.upper) }).x,
    quadraticLayer({ Q, q, A: ones, b: sum, G, h: rows(data.cap.mul(0), data.cap) }).x,
    projectionLayer(ball(data.radius, data.center), data.z).x,
    quadraticLayer({ Q, q, A: data.A, b: data.b }).x,
  ];
}

/** P(z) on each set, by its own projection and as a QP; in a batch z alone is batched. */
export const entry: TableClass = {
  name: "projection",
  rules: ["projection", "quadratic program"],
  float32: true,
  batched: true,
  data(random, batch) {
    for (;;) {
      const data = randomData(random, batch);
      if (isClear(data, batch ?? 1)) return data;
    }
  },
  layer: (rule, data) => (rule === "projection" ? bySet(data) : byQuadratic(data)),
};

function randomData({ normal, uniform }: Random, batch: number | null) {
  const datum = (next: () => number, ...shape: number[]): TableDatum => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { values: Float64Array.from({ length: size }, next), shape };
  };
  return {
    z: datum(normal, ...(batch ? [batch] : []), n),
    lower: datum(() => -0.3 - uniform() / 2, n),
    upper: datum(() => 0.3 + uniform() / 2, n),
    total: datum(() => 1 + uniform() / 4),
    cap: datum(() => 0.3 + uniform() / 4, n),
    radius: datum(() => 0.5 + uniform() / 2),
    center: datum(() => normal() / 5, n),
    A: datum(normal, 2, n),
    b: datum(normal, 2),
  };
}

/** Whether no entry is near to a bound, and z not near to the sphere. */
function isClear(data: ReturnType<typeof randomData>, items: number): boolean {
  const far = (a: number, b: number) => Math.abs(a - b) > 0.03;
  const { z, lower, upper, total, cap, radius, center } = data;
  for (let i = 0; i < items; i++) {
    const own = z.values.subarray(i * n, (i + 1) * n);
    const { x } = projectionLayer(simplex(total.values[0], cap.values), own);
    const projected = x.data();
    const shift = own.findIndex((_, j) => projected[j] > 0 && projected[j] < cap.values[j]);
    if (shift < 0) return false;
    const tau = own[shift] - projected[shift];
    const distance = Math.hypot(...own.map((value, j) => value - center.values[j]));
    const clear = own.every((value, j) => {
      const bounds = far(value, lower.values[j]) && far(value, upper.values[j]);
      return bounds && far(value, tau) && far(value - tau, cap.values[j]);
    });
    if (!clear || !far(distance, radius.values[0])) return false;
  }
  return true;
}
