import {
  admm,
  alternating,
  type DifferentiationRule,
  datumNames,
  implicit,
  interiorPoint,
  type QuadraticProgramData,
  quadraticLayer,
  unrolled,
} from "../../src/index.ts";
import { margin, type RandomProgram, randomProgram } from "../random-programs.ts";
import type { TableClass } from "./table-class.ts";

const rules: Record<string, DifferentiationRule> = {
  implicit: implicit(),
  alternating: alternating({ truncate: 1e-12 }),
  "alternating (forward)": alternating({ mode: "forward", truncate: 1e-12 }),
  unrolled: unrolled(),
  "unrolled from checkpoints": unrolled({ checkpoints: true }),
};

/** minimize 1/2 x'Qx + q'x subject to Ax = b, Gx <= h; in a batch Q, A and G are shared by q, b and h. */
export const entry: TableClass = {
  name: "qp",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    const shape = { n: 6, p: 2, m: 5, ...(batch && { batch, batched: ["q", "b", "h"] as const }) };
    const problem = clearProgram(shape, () => Math.floor(1e6 * random.uniform()));
    const data = datumNames.map((name) => {
      const { values, shape: own, batched } = problem[name];
      return [name, { values, shape: batched ? [problem.batch, ...own] : own, symmetric: name === "Q" }];
    });
    return Object.fromEntries(data);
  },
  layer(rule, data) {
    const solver = rule === "implicit" ? interiorPoint({ tolerance: 1e-12 }) : admm({ tolerance: 1e-13 });
    const stated = data as unknown as QuadraticProgramData;
    const { x, nu, lambda } = quadraticLayer(stated, { solver, differentiation: rules[rule] });
    return [x, nu, lambda];
  },
};

/** A random program whose slacks and multipliers are away from 0. */
function clearProgram(shape: Omit<RandomProgram, "seed">, seed: () => number) {
  for (;;) {
    const problem = randomProgram({ ...shape, seed: seed() });
    if (margin(interiorPoint().solve(problem)) > 0.05) return problem;
  }
}
