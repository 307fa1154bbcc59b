import { type Tensor, tensor } from "@solvegrad/autograd";
import {
  type ConvexRule,
  convexAdmm,
  convexAlternating,
  convexImplicit,
  convexInteriorPoint,
  convexLayer,
  convexProgram,
  convexUnrolled,
} from "../../src/index.ts";
import { randomConstraints } from "../random-convex.ts";
import { margin } from "../random-programs.ts";
import type { TableClass, TableData } from "./table-class.ts";

const rules: Record<string, ConvexRule> = {
  implicit: convexImplicit(),
  alternating: convexAlternating({ truncate: 1e-12 }),
  "alternating (forward)": convexAlternating({ mode: "forward", truncate: 1e-12 }),
  unrolled: convexUnrolled({ tolerance: 1e-12, checkpoints: true }),
};

/** log sum exp(Cx + d) + 1/2 w'x^2. */
function objective(x: Tensor, C: Tensor, d: Tensor, w: Tensor): Tensor {
  const rows = x.rank === 1 ? C.matmul(x) : x.matmul(C.transpose());
  return rows.add(d).exp().sum(-1).log().add(x.square().mul(w).sum(-1).mul(0.5));
}

/** minimize log sum exp(Cx + d) + 1/2 w'x^2 subject to Ax = b, Gx <= h; in a batch d, b and h are not shared. */
export const entry: TableClass = {
  name: "convex",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    for (;;) {
      const data = randomData(random.normal, Math.floor(1e6 * random.uniform()), batch);
      const tensors = Object.entries(data).map(([name, { values, shape }]) => [name, tensor(values, { shape })]);
      const solution = convexInteriorPoint().solve(convexProgram(stated(Object.fromEntries(tensors))));
      if (margin(solution) > 0.02 && solution.lambda.some((value) => value > 0.02)) return data;
    }
  },
  layer(rule, data) {
    const byAdmm = rule === "alternating";
    const solver = byAdmm ? convexAdmm({ tolerance: 1e-12 }) : convexInteriorPoint({ tolerance: 1e-12 });
    const { x, nu, lambda } = convexLayer(stated(data), { solver, differentiation: rules[rule] });
    return [x, nu, lambda];
  },
};

function stated({ theta0, theta1, theta2, A, b, G, h }: Readonly<Record<string, Tensor>>) {
  return { objective, theta: [theta0, theta1, theta2], A, b, G, h };
}

function randomData(normal: () => number, seed: number, batch: number | null): TableData {
  const { A = [], b = [], G = [], h = [] } = randomConstraints({ n: 4, p: 1, m: 3, seed, ...(batch && { batch }) });
  const many = batch ? [batch] : [];
  const numbers = (next: () => number, ...shape: number[]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { values: Float64Array.from({ length: size }, next), shape };
  };
  const given = (values: readonly (number | readonly number[])[], ...shape: number[]) => ({
    values: Float64Array.from(values.flat()),
    shape,
  });
  return {
    theta0: numbers(normal, 3, 4),
    theta1: numbers(normal, ...many, 3),
    theta2: numbers(() => 0.5 + normal() ** 2, 4),
    A: given(A, 1, 4),
    b: given(b, ...many, 1),
    G: given(G, 3, 4),
    h: given(h, ...many, 3),
  };
}
