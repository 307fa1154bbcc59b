import { describe, expect, it } from "vitest";
import {
  admm,
  type EntropyProgram,
  entropicAdmm,
  entropicInteriorPoint,
  type IterationProgress,
  interiorPoint,
  OptionError,
  type QuadraticProgram,
  quadraticLayer,
  type Solution,
  type Solver,
  softmaxLayer,
} from "../../src/index.ts";
import { randomEntropy, randomEntropyProgram } from "../random-entropy.ts";
import { normals, randomProgram } from "../random-programs.ts";

interface Kind<P> {
  readonly solvers: Readonly<Record<string, Solver<P>>>;
  readonly problem: P;
  /** One that takes every solver more than a few milliseconds. */
  readonly large: P;
  /** The data moved by about a hundredth of themselves. */
  moved(problem: P, normal: () => number): P;
}

const quadratic: Kind<QuadraticProgram> = {
  solvers: { "interior point": interiorPoint(), ADMM: admm({ tolerance: 1e-9 }) },
  problem: randomProgram({ n: 12, p: 3, m: 20, seed: 3 }),
  large: randomProgram({ n: 250, p: 50, m: 600, seed: 4 }),
  moved(problem, normal) {
    const by = (name: "q" | "h") => {
      const values = problem[name].values.map((value) => value * (1 + 0.01 * normal()));
      return { ...problem[name], values };
    };
    return { ...problem, q: by("q"), h: by("h") };
  },
};

const entropy: Kind<EntropyProgram> = {
  solvers: { "entropic interior point": entropicInteriorPoint(), "entropic ADMM": entropicAdmm({ tolerance: 1e-9 }) },
  problem: randomEntropyProgram({ n: 12, p: 3, m: 10, seed: 3 }),
  large: randomEntropyProgram({ n: 400, p: 100, m: 150, seed: 4 }),
  moved(problem, normal) {
    const by = (name: "y" | "h") => {
      const values = problem[name].values.map((value) => value * (1 + 0.01 * normal()));
      return { ...problem[name], values };
    };
    return { ...problem, y: by("y"), h: by("h") };
  },
};

describe("solvers of quadratic programs", () => checkOptions(quadratic));
describe("solvers of entropy programs", () => checkOptions(entropy));

function checkOptions<P>({ solvers, problem, large, moved }: Kind<P>): void {
  const each = Object.entries(solvers);

  it.each(each)("%s reports every look at its residuals, which fall", (_name, solver) => {
    const reports: IterationProgress[] = [];
    const { iterations } = solver.solve(problem, { onIteration: (progress) => reports.push(progress) });
    const counts = reports.map(({ iteration }) => iteration);
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(counts.length).toBeGreaterThan(3);
    expect(counts.at(-1)).toBe(iterations[0]);
    const worst = ({ primal, dual }: IterationProgress) => Math.max(primal, dual);
    expect(worst(reports[reports.length - 1])).toBeLessThan(worst(reports[0]) / 10);
    expect(reports[0].unfinished).toBe(1);
    expect(reports.at(-1)?.unfinished).toBe(0);
  });

  it.each(each)("%s stops where the callback aborts it, before the next iteration", (_name, solver) => {
    const stop = new AbortController();
    const counts: number[] = [];
    const onIteration = ({ iteration }: IterationProgress) => {
      counts.push(iteration);
      if (counts.length === 2) stop.abort();
    };
    const { status, x, iterations } = solver.solve(problem, { signal: stop.signal, onIteration });
    expect(status).toEqual(["time_limit"]);
    expect(counts.length).toBe(2);
    expect(iterations[0]).toBe(counts[1]);
    expect(x.every(Number.isFinite)).toBe(true);
  });

  it.each(each)("%s does not begin where it was aborted before", (_name, solver) => {
    const counts: number[] = [];
    const onIteration = ({ iteration }: IterationProgress) => counts.push(iteration);
    const { status } = solver.solve(large, { signal: AbortSignal.abort(), onIteration });
    expect(status).toEqual(["time_limit"]);
    expect(counts.length).toBeLessThanOrEqual(1);
  });

  it.each(each)("%s keeps a time limit far below what a large problem takes, but for an iteration", (_n, solver) => {
    const marks: number[] = [];
    const full = solver.solve(large, { onIteration: () => marks.push(performance.now()) });
    expect(full.status).toEqual(["solved"]);
    const longest = marks.reduce((most, mark, k) => Math.max(most, k === 0 ? 0 : mark - marks[k - 1]), 0);
    const timeLimit = full.milliseconds / 20;
    const { status, milliseconds } = solver.solve(large, { timeLimit });
    expect(status).toEqual(["time_limit"]);
    // whatever comes before the first iteration counts too; the machine may be busy
    expect(milliseconds).toBeLessThan(full.milliseconds * 0.75 + 3 * longest);
  });

  it.each(each)("%s refuses a time limit that is none", (_name, solver) => {
    for (const timeLimit of [0, -1, Number.NaN]) {
      expect(() => solver.solve(problem, { timeLimit })).toThrow(OptionError);
    }
  });

  it.each(each)("%s solves a problem again in at most one iteration, from any solver's solution", (_name, solver) => {
    for (const [first, other] of each) {
      const earlier = other.solve(problem);
      const again = solver.solve(problem, { warmStart: earlier });
      expect(again.status).toEqual(["solved"]);
      expect(again.iterations[0], `from ${first}`).toBeLessThanOrEqual(1);
    }
  });

  it.each(each)(
    "%s solves 20 nearby problems in less than half of the iterations that they take cold",
    (_name, solver) => {
      const normal = normals(9);
      let near = problem;
      let earlier: Solution = solver.solve(problem);
      const total = { warm: 0, cold: 0 };
      for (let k = 0; k < 20; k++) {
        near = moved(near, normal);
        const cold = solver.solve(near);
        earlier = solver.solve(near, { warmStart: earlier });
        expect([cold.status, earlier.status]).toEqual([["solved"], ["solved"]]);
        const difference = earlier.x.map((value, j) => Math.abs(value - cold.x[j]));
        expect(Math.max(...difference)).toBeLessThan(1e-7);
        total.cold += cold.iterations[0];
        total.warm += earlier.iterations[0];
      }
      expect(total.warm).toBeLessThan(total.cold / 2);
    },
  );
}

describe("a warm start of a batch", () => {
  const problem = randomProgram({ n: 12, p: 3, m: 8, batch: 3, batched: ["q", "h"], seed: 7 });

  it.each([interiorPoint(), admm({ tolerance: 1e-9 })])(
    "by $name keeps the items that it solves, and iterates the others",
    (solver) => {
      const earlier = solver.solve(problem);
      const q = problem.q.values.map((value, k) => (k < 12 ? -5 * value : value));
      const changed = { ...problem, q: { ...problem.q, values: q } };
      const again = solver.solve(changed, { warmStart: earlier });
      const cold = solver.solve(changed);
      expect(again.status).toEqual(["solved", "solved", "solved"]);
      expect(again.iterations[0]).toBeGreaterThan(1);
      expect(Math.max(again.iterations[1], again.iterations[2])).toBeLessThanOrEqual(1);
      expect(Math.max(...again.x.map((value, j) => Math.abs(value - cold.x[j])))).toBeLessThan(1e-7);
    },
  );
});

describe("layers", () => {
  it("hand the callback, the time limit and the warm start to their solver", () => {
    const { Q, q, A, b, G, h } = { ...quadratic.problem };
    const nested = Object.fromEntries(
      Object.entries({ Q, q, A, b, G, h }).map(([name, { values, shape }]) => [
        name,
        shape.length === 1
          ? [...values]
          : Array.from({ length: shape[0] }, (_, i) => [...values.subarray(i * 12, (i + 1) * 12)]),
      ]),
    ) as unknown as Parameters<typeof quadraticLayer>[0];
    for (const layer of [
      (options: object) => quadraticLayer(nested, options),
      (options: object) => softmaxLayer(randomEntropy({ n: 12, p: 3, m: 10, seed: 3 }), options),
    ]) {
      let calls = 0;
      const onIteration = () => {
        calls++;
      };
      const { solution } = layer({ onIteration });
      expect(calls).toBeGreaterThan(3);
      expect(layer({ warmStart: solution }).solution.iterations[0]).toBeLessThanOrEqual(1);
      const stopped = layer({ timeLimit: 1e-9, onFailure: "mask" });
      expect(stopped.solution.status).toEqual(["time_limit"]);
    }
  });
});
