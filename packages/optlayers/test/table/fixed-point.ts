import { tensor } from "@solvegrad/autograd";
import { type BackwardMethod, fixedPointLayer } from "../../src/index.ts";
import type { TableClass } from "./table-class.ts";

const n = 4;

/** z = tanh(Wz + u) with W of a norm below 1; in a batch u is not shared. */
export const entry: TableClass = {
  name: "fixed point",
  rules: ["direct", "gmres", "neumann"],
  float32: true,
  batched: true,
  data({ normal }, batch) {
    const numbers = (size: number, scale: number) => Float64Array.from({ length: size }, () => scale * normal());
    const shape = batch ? [batch, n] : [n];
    return {
      W: { values: numbers(n * n, 0.25), shape: [n, n] },
      u: { values: numbers((batch ?? 1) * n, 1), shape },
    };
  },
  layer(rule, { W, u }) {
    const narrow = u.dtype === "float32";
    const layer = fixedPointLayer({
      map: (z, weights, input) =>
        z
          .reshape([z.size / n, n])
          .matmul(weights)
          .reshape(z.shape)
          .add(input)
          .tanh(),
      start: tensor(new Float64Array(u.size), { dtype: u.dtype, shape: [...u.shape] }),
      batched: u.rank > 1,
      forward: { tolerance: narrow ? 1e-6 : 1e-14 },
      backward: { method: rule as BackwardMethod, tolerance: narrow ? 1e-6 : 1e-13 },
    });
    return [layer(W, u)];
  },
};
