import { gate, type Tensor, tensor } from "@solvegrad/autograd";
import { dot, maxAbs } from "../arrays.ts";
import type { ConvexSet, SetItem, SetParameter } from "./convex-set.ts";

/**
 * The ball |x - center| <= radius in the Euclidean norm, around 0 unless a center is given. P leaves what is inside, and
 * draws d = z - center to center + radius d / |d| from outside, where with e = d / |d|
 *
 *     P'(z) = (radius / |d|) (I - e e'),    dP/dradius = e,    dP/dcenter = I - P'(z):
 *
 * the only set here with a curved boundary, and so with second derivatives of its own. A point on the sphere counts as
 * inside; a ball of radius 0 has no inside, and is its center. Empty where the radius is negative.
 */
export function ball(radius: SetParameter = 1, center: SetParameter = 0): ConvexSet {
  return {
    name: "ball",
    parameters: { radius, center },
    dimensions: { radius: [], center: ["n"] },
    project: (z, parameters) => drawnIn(z, parameters.radius, parameters.center),
    item: (parameters) => ballItem(parameters.radius[0], parameters.center),
  };
}

function drawnIn(z: Tensor, radius: Tensor, center: Tensor): Tensor {
  const d = z.sub(center);
  const column = radius.reshape([...radius.shape, 1]);
  const { isInside, isFar, unit } = placesOf(d, radius);
  // where it is not needed, the length of d is not looked at: its derivative at 0 does not exist
  const square = gate(
    d
      .div(unit)
      .square()
      .sum(d.rank - 1, true),
    isFar,
  ).add(isFar.mul(-1).add(1));
  const share = gate(column.div(square.sqrt().mul(unit)), isInside.mul(-1).add(1)).add(isInside);
  return center.add(d.mul(share));
}

/**
 * Of every row of d: whether it is in the ball, whether it is outside and has a length, and then its largest entry, a unit in which
 * squares neither overflow nor vanish.
 */
function placesOf(d: Tensor, radius: Tensor) {
  const n = d.shape[d.rank - 1];
  const [values, radii] = [Float64Array.from(d.data()), radius.data()];
  const rows = Array.from({ length: values.length / n }, (_, i) => {
    const own = values.subarray(i * n, (i + 1) * n);
    const inside = isIn(lengthOf(own), radii[i % radii.length]);
    const largest = inside ? 0 : maxAbs(own);
    return { inside, largest };
  });
  const column = (entries: number[]) => tensor(entries, { shape: [...d.shape.slice(0, -1), 1], dtype: d.dtype });
  return {
    isInside: column(rows.map(({ inside }) => (inside ? 1 : 0))),
    isFar: column(rows.map(({ largest }) => (largest > 0 ? 1 : 0))),
    unit: column(rows.map(({ largest }) => largest || 1)),
  };
}

function isIn(length: number, radius: number): boolean {
  return length <= radius && radius > 0;
}

/** |d|, whatever its unit. */
function lengthOf(d: Float64Array): number {
  const unit = maxAbs(d);
  if (!(unit > 0)) return unit;
  const scaled = d.map((value) => value / unit);
  return unit * Math.sqrt(dot(scaled, scaled));
}

function ballItem(radius: number, center: Float64Array): SetItem {
  const fromCenter = (z: Float64Array) => {
    const d = z.map((value, j) => value - center[j]);
    const length = lengthOf(d);
    return { d, length, share: isIn(length, radius) ? 1 : radius / (length || 1) };
  };
  return {
    isEmpty: radius < 0,
    project(z, x) {
      const { d, share } = fromCenter(z);
      for (let j = 0; j < x.length; j++) x[j] = center[j] + share * d[j];
    },
    tangent(z) {
      const { d, length, share } = fromCenter(z);
      if (radius === 0) return { shrink: 1, apply: (v) => void v.fill(0) };
      if (share === 1) return { shrink: 1, apply: () => {} };
      const e = d.map((value) => value / length);
      return {
        shrink: share,
        apply(v) {
          const along = dot(e, v);
          for (let j = 0; j < v.length; j++) v[j] -= along * e[j];
        },
      };
    },
  };
}
