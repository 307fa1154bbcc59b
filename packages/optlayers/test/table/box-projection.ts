import { concat, type Tensor, tensor } from "@solvegrad/autograd";
import {
  type BoxProjectionData,
  boxProjectionLayer,
  implicit,
  interiorPoint,
  quadraticLayer,
} from "../../src/index.ts";
import { identity } from "../random-programs.ts";
import type { Random, TableClass, TableDatum } from "./table-class.ts";

const n = 7;

/** minimize 1/2 |x - y|^2 subject to Ax = b, lower <= x <= upper, by its structure and as a QP; in a batch y and b are not shared. */
export const entry: TableClass = {
  name: "sparsemax, general rows",
  rules: ["structure", "implicit"],
  float32: true,
  batched: true,
  data(random, batch) {
    for (;;) {
      const data = randomData(random, batch);
      const tensors = Object.entries(data).map(([name, { values, shape }]) => [
        name,
        tensor(values, { shape: [...shape] }),
      ]);
      if (isClear(Object.fromEntries(tensors) as unknown as BoxProjectionData)) return data;
    }
  },
  layer(rule, data) {
    if (rule === "structure") {
      const { x, nu, zeta } = boxProjectionLayer(data as unknown as BoxProjectionData);
      return [x, nu, zeta];
    }
    const { y, A, b, lower, upper } = data;
    const G = identity(n, -1).concat(identity(n));
    const options = { solver: interiorPoint({ tolerance: 1e-12 }), differentiation: implicit() };
    const { x, nu, lambda } = quadraticLayer(
      { Q: identity(n), q: y.neg(), A, b, G, h: concat([lower.neg(), upper], 0) },
      options,
    );
    const last = lambda.rank - 1;
    return [x, nu, lambda.slice(last, n, 2 * n).sub(lambda.slice(last, 0, n))];
  },
};

function randomData({ normal, uniform }: Random, batch: number | null): Record<string, TableDatum> {
  const many = batch ? [batch] : [];
  const datum = (next: () => number, ...shape: number[]): TableDatum => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { values: Float64Array.from({ length: size }, next), shape };
  };
  return {
    y: datum(normal, ...many, n),
    A: datum(normal, 2, n),
    b: datum(() => (uniform() - 0.5) / 2, ...many, 2),
    lower: datum(() => -0.3 - uniform() / 2, n),
    upper: datum(() => 0.3 + uniform() / 2, n),
  };
}

/** Whether it has a solution with entries on bounds and at least three between, none of them near to a change. */
function isClear(data: BoxProjectionData): boolean {
  const { x, zeta, solution } = boxProjectionLayer(data, { onFailure: "mask" });
  if (solution.status.some((status) => status !== "solved")) return false;
  const [lower, upper] = [data.lower, data.upper].map((bound) => (bound as Tensor).data());
  const duals = zeta.data();
  const gaps = Array.from(x.data(), (value, k) => Math.min(value - lower[k % n], upper[k % n] - value));
  const clear = gaps.every((gap, k) => (duals[k] === 0 ? gap > 0.03 : Math.abs(duals[k]) > 0.03));
  const free = duals.filter((dual: number) => dual === 0).length;
  return clear && free >= 4 * solution.status.length && free < n * solution.status.length;
}
