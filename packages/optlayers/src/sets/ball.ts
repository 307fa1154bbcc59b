import { atLeast, type Tensor } from "@solvegrad/autograd";
import { dot } from "../arrays.ts";
import type { ConvexSet, SetItem, SetParameter } from "./convex-set.ts";

/**
 * The ball |x - center| <= radius in the Euclidean norm, around 0 unless a center is given. P leaves what is inside, and
 * draws d = z - center to center + radius d / |d| from outside, where with e = d / |d|
 *
 *     P'(z) = (radius / |d|) (I - e e'),    dP/dradius = e,    dP/dcenter = I - P'(z):
 *
 * the only set here with a curved boundary, and so with second derivatives of its own. A point on the sphere counts as
 * inside. Empty where the radius is negative.
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
  const square = d.square().sum(d.rank - 1, true);
  const isOutside = atLeast(column.square(), square.detach()).mul(-1).add(1);
  // inside, the length of d is not looked at: its derivative at 0 does not exist
  const length = square.mul(isOutside).sub(isOutside).add(1).sqrt();
  const share = column.div(length).sub(1).mul(isOutside).add(1);
  return center.add(d.mul(share));
}

function ballItem(radius: number, center: Float64Array): SetItem {
  const direction = (z: Float64Array) => {
    const e = z.map((value, j) => value - center[j]);
    const length = Math.sqrt(dot(e, e));
    return { e, length };
  };
  return {
    isEmpty: radius < 0,
    project(z, x) {
      const { e, length } = direction(z);
      const share = length > radius ? radius / length : 1;
      for (let j = 0; j < x.length; j++) x[j] = center[j] + share * e[j];
    },
    tangent(z) {
      const { e, length } = direction(z);
      if (radius === 0) return { shrink: 1, apply: (v) => void v.fill(0) };
      if (!(length > radius)) return { shrink: 1, apply: () => {} };
      return {
        shrink: radius / length,
        apply(v) {
          const along = dot(e, v) / length ** 2;
          for (let j = 0; j < v.length; j++) v[j] -= along * e[j];
        },
      };
    },
  };
}
