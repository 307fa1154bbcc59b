import {
  type DifferentiationRule,
  type EntropyName,
  type EntropyProgram,
  type EntropyProgramData,
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropicUnrolled,
  softmaxLayer,
} from "../../src/index.ts";
import { randomEntropyProgram } from "../random-entropy.ts";
import { margin } from "../random-programs.ts";
import type { TableClass } from "./table-class.ts";

const rules: Record<string, DifferentiationRule<EntropyProgram, EntropyName>> = {
  implicit: entropicImplicit(),
  alternating: entropicAlternating({ truncate: 1e-12 }),
  "alternating (forward)": entropicAlternating({ mode: "forward", truncate: 1e-12 }),
  unrolled: entropicUnrolled({ tolerance: 1e-12 }),
};

/** minimize -y'x + sum x log x subject to Ax = b, Gx <= h; in a batch only y is not shared. */
export const entry: TableClass = {
  name: "entropy",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    const { y, A, b, G, h } = clearProgram(batch, () => Math.floor(1e6 * random.uniform()));
    const data = Object.entries({ y, A, b, G, h }).map(([name, { values, shape, batched }]) => [
      name,
      { values, shape: batched ? [batch, ...shape] : shape },
    ]);
    return Object.fromEntries(data);
  },
  layer(rule, data) {
    const solver =
      rule === "alternating" ? entropicAdmm({ tolerance: 1e-12 }) : entropicInteriorPoint({ tolerance: 1e-12 });
    const stated = data as unknown as EntropyProgramData;
    const { x, nu, lambda } = softmaxLayer(stated, { solver, differentiation: rules[rule] });
    return [x, nu, lambda];
  },
};

/** A random program with active and inactive inequalities, none of them near to a change. */
function clearProgram(batch: number | null, seed: () => number): EntropyProgram {
  for (;;) {
    const problem = randomEntropyProgram({ n: 6, p: 2, m: 4, seed: seed(), ...(batch && { batch }) });
    const solution = entropicInteriorPoint().solve(problem);
    if (margin(solution) > 0.01 && solution.lambda.some((value) => value > 0.01)) return problem;
  }
}
