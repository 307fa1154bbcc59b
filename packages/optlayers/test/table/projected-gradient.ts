import { type Tensor, tensor } from "@solvegrad/autograd";
import { ball, box, projectedGradient, setImplicit, setLayer, setUnrolled, simplex } from "../../src/index.ts";
import type { Random, TableClass, TableDatum } from "./table-class.ts";

const n = 4;
const rules = { implicit: setImplicit(), unrolled: setUnrolled({ tolerance: 1e-13 }) };

/** log sum exp(Cx + d) + 1/4 |x|^2. */
function objective(x: Tensor, C: Tensor, d: Tensor): Tensor {
  const rows = x.rank === 1 ? C.matmul(x) : x.matmul(C.transpose());
  return rows.add(d).exp().sum(-1).log().add(x.square().sum(-1).mul(0.25));
}

/** A smooth objective over a box, a simplex and a ball, and a quadratic one over the box; in a batch d and q are not shared. */
export const entry: TableClass = {
  name: "projected gradient",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    for (;;) {
      const data = randomData(random, batch);
      const tensors = Object.entries(data).map(([name, { values, shape }]) => [
        name,
        tensor(values, { shape: [...shape] }),
      ]);
      if (isClear(entry.layer("implicit", Object.fromEntries(tensors)), data)) return data;
    }
  },
  layer(rule, { C, d, Q, q, lower, upper, total, cap, radius, center }) {
    const batch = d.rank > 1 ? { batch: d.shape[0] } : {};
    const options = {
      solver: projectedGradient({ tolerance: 3e-13 }),
      differentiation: rules[rule as keyof typeof rules],
    };
    const smooth = { objective, theta: [C, d], n, ...batch };
    const interval = box(lower, upper);
    return [
      setLayer({ ...smooth, set: interval }, options).x,
      setLayer({ ...smooth, set: simplex(total, cap) }, options).x,
      setLayer({ ...smooth, set: ball(radius, center) }, options).x,
      setLayer({ Q, q, set: interval }, options).x,
    ];
  },
};

function randomData({ normal, uniform }: Random, batch: number | null): Record<string, TableDatum> {
  const many = batch ? [batch] : [];
  const datum = (next: () => number, ...shape: number[]): TableDatum => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { values: Float64Array.from({ length: size }, next), shape };
  };
  const M = Array.from({ length: n }, () => Array.from({ length: n }, () => normal() / 2));
  const Q = M.flatMap((row, i) =>
    M.map((other, j) => row.reduce((sum, value, k) => sum + value * other[k], i === j ? 1 : 0)),
  );
  return {
    C: datum(normal, 3, n),
    d: datum(normal, ...many, 3),
    Q: { values: Float64Array.from(Q), shape: [n, n], symmetric: true },
    q: datum(normal, ...many, n),
    lower: datum(() => -0.2 - uniform() / 4, n),
    upper: datum(() => 0.2 + uniform() / 4, n),
    total: datum(() => 1),
    cap: datum(() => 0.35 + uniform() / 5, n),
    radius: datum(() => 0.3 + uniform() / 5),
    center: datum(() => 0.5 + uniform() / 2, n),
  };
}

/** Whether on the box and the simplex every entry is on a bound or well between, and some are of each kind. */
function isClear([onBox, onSimplex, , quadratic]: readonly Tensor[], data: Record<string, TableDatum>): boolean {
  const { lower, upper, cap } = data;
  const between = (x: Tensor, low: (j: number) => number, high: (j: number) => number) => {
    const gaps = [...x.data()].map((value, k) => Math.min(value - low(k % n), high(k % n) - value));
    return gaps.every((gap) => gap === 0 || gap > 0.02) && gaps.some((gap) => gap > 0) && gaps.some((gap) => gap === 0);
  };
  const inBox = (x: Tensor) =>
    between(
      x,
      (j) => lower.values[j],
      (j) => upper.values[j],
    );
  return (
    inBox(onBox) &&
    inBox(quadratic) &&
    between(
      onSimplex,
      () => 0,
      (j) => cap.values[j],
    )
  );
}
