import { describe, expect, it } from "vitest";
import {
  boxProjection,
  compareGradients,
  comparisonMethods,
  convexProgram,
  type DifferentiationRule,
  entropicInteriorPoint,
  entropyProgram,
  formatComparison,
  iterationStudy,
  type Solver,
  sparsemaxProblem,
  sparseQuadraticBatch,
  truncationStudy,
} from "../../src/index.ts";
import { logistic } from "../random-convex.ts";
import { normals, uniforms } from "../random-programs.ts";

const normal = normals(3);
const numbers = (count: number) => Array.from({ length: count }, normal);

const sparsemax = sparsemaxProblem({ y: numbers(12), u: Array.from({ length: 12 }, uniforms(4)), total: 1.5 });
const entropy = entropyProgram({
  y: [numbers(9), numbers(9)],
  A: [new Array(9).fill(1)],
  b: [1],
  G: [numbers(9), numbers(9)],
  h: [0.1, 0.2],
});
/** The projection on a box cut by a plane and a second one. */
const box = boxProjection({
  y: numbers(10),
  A: [numbers(10), new Array(10).fill(1)],
  b: [0.2, 1],
  lower: new Array(10).fill(-0.5),
  upper: new Array(10).fill(1.5),
});
/** A chain |x_i+1 - x_i| <= 0.9 with bounds on x, in two items. */
const sparse = sparseQuadraticBatch({
  Q: { shape: [6, 6], indptr: [0, 1, 2, 3, 4, 5, 6], indices: [0, 1, 2, 3, 4, 5], data: [1, 2, 1, 2, 1, 2] },
  q: [numbers(6), numbers(6)],
  G: {
    shape: [5, 6],
    indptr: [0, 1, 3, 5, 7, 9, 10],
    indices: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
    data: [-1, 1, -1, 1, -1, 1, -1, 1, -1, 1],
  },
  l: new Array(5).fill(-0.9),
  u: new Array(5).fill(0.9),
  lower: new Array(6).fill(-1.2),
  upper: new Array(6).fill(1.3),
});
/** Logistic regression with a ridge, under a budget on x. */
const convex = convexProgram({
  objective: logistic,
  theta: [[numbers(4), numbers(4), numbers(4), numbers(4), numbers(4)], 0.3],
  A: [[1, 1, 1, 1]],
  b: [0.2],
  G: [numbers(4), numbers(4)],
  h: [0.05, 0.1],
});
const cotangents = {
  convex: Float64Array.from(numbers(4)),
  box: Float64Array.from(numbers(10)),
  sparse: Float64Array.from(numbers(12)),
  sparsemax: Float64Array.from(numbers(12)),
  entropy: Float64Array.from(numbers(18)),
};

describe("compareGradients on other kinds than QPs", () => {
  it("finds that all rules of a sparsemax problem agree, for y, u and the total", () => {
    const { rules, noun, problem } = compareGradients(sparsemax, cotangents.sparsemax);
    expect({ noun, ...problem }).toEqual({ noun: "sparsemax problem", n: 12, p: 1, m: 24, batch: 1 });
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { overall, perDatum } of rules) {
      expect(Object.keys(perDatum)).toEqual(["y", "u", "total"]);
      expect(overall.relativeDifference).toBeLessThan(1e-6);
    }
  });

  it("finds that all rules of a batch of entropy programs agree, for the data that are wanted", () => {
    const { rules, problem } = compareGradients(entropy, cotangents.entropy, { wanted: ["y", "G"] });
    expect(problem).toEqual({ n: 9, p: 1, m: 2, batch: 2 });
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { overall, perDatum } of rules) {
      expect(Object.keys(perDatum)).toEqual(["y", "G"]);
      expect(overall.relativeDifference).toBeLessThan(1e-6);
    }
  });

  it("finds that all rules of a convex program agree, for its theta too", () => {
    const { rules, noun } = compareGradients(convex, cotangents.convex);
    expect(noun).toBe("convex program");
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { rule, overall, perDatum } of rules) {
      expect(Object.keys(perDatum).sort()).toEqual(["A", "G", "b", "h", "theta0", "theta1"]);
      expect(overall.relativeDifference, rule).toBeLessThan(1e-6);
    }
  });

  it("finds that all rules of a box projection agree, through the general solvers too", () => {
    const { rules } = compareGradients(box, cotangents.box);
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { rule, overall, perDatum } of rules) {
      expect(Object.keys(perDatum)).toEqual(["y", "A", "b", "lower", "upper"]);
      expect(overall.relativeDifference, rule).toBeLessThan(1e-6);
    }
  });

  it("finds that all rules of a batch of sparse QPs agree, for the entries of Q and G and for every bound", () => {
    const { rules, problem } = compareGradients(sparse, cotangents.sparse);
    expect(problem).toEqual({ n: 6, p: 0, m: 5, batch: 2 });
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { rule, overall, perDatum } of rules) {
      expect(Object.keys(perDatum)).toEqual(["Q", "q", "G", "l", "u", "lower", "upper"]);
      expect(overall.relativeDifference, rule).toBeLessThan(1e-6);
    }
  });

  it("takes a rule that was registered for the kind", () => {
    const half: DifferentiationRule<typeof entropy, "y" | "A" | "b" | "G" | "h"> = {
      name: "half",
      vjp(...args) {
        const { gradients, report } = comparisonMethods.entropy.reference().vjp(...args);
        return { gradients: { ...gradients, y: gradients.y?.map((value) => value / 2) }, report };
      },
    };
    comparisonMethods.entropy.rules.set("half", () => half);
    const { rules } = compareGradients(entropy, cotangents.entropy, { wanted: ["y"] });
    comparisonMethods.entropy.rules.delete("half");
    expect(rules.at(-1)?.rule).toBe("half");
    expect(rules.at(-1)?.overall.relativeDifference).toBeCloseTo(0.5, 9);
  });

  it("prints the data of the kind as columns", () => {
    const [title, head] = formatComparison(compareGradients(entropy, cotangents.entropy)).split("\n");
    expect(title).toMatch(/^2 entropy programs with n = 9, p = 1, m = 2; solved by /);
    expect(head).toMatch(/^rule +cosine +difference +y +A +b +G +h +iterations +ms +peak$/);
  });
});

describe("compareGradients on a kind of the caller's own", () => {
  /** x = a t for every entry, with the datum t. */
  const problem = { kind: "scaling", n: 2, batch: 1, a: Float64Array.of(3, 5), t: 2 };
  type Scaling = typeof problem;
  const empty = new Float64Array(0);
  const solver: Solver<Scaling> = {
    name: "product",
    solve: ({ a, t }) => ({
      ...entropicInteriorPoint().solve(entropyProgram({ y: [0, 0] })),
      solver: "product",
      x: a.map((value) => value * t),
      nu: empty,
      lambda: empty,
    }),
  };
  const rule = (name: string, factor: number): DifferentiationRule<Scaling, "t"> => ({
    name,
    vjp: ({ a }, _solution, { x: c }) => ({
      gradients: { t: Float64Array.of(factor * (a[0] * c[0] + a[1] * c[1])) },
      report: { iterations: 0, milliseconds: 0, peakBytes: 8, residual: 0, notes: [] },
    }),
  });

  it("needs nothing but a solver, rules and a reference", () => {
    const rules = [rule("right", 1), rule("a quarter too large", 1.25)];
    const comparison = compareGradients(problem, Float64Array.of(1, 1), { solver, rules, reference: rules[0] });
    expect(comparison.rules.map(({ overall }) => overall.relativeDifference)).toEqual([0, 0.25]);
    expect(formatComparison(comparison)).toMatch(
      /^problem of kind scaling with n = 2, p = 0, m = 0; solved by product/,
    );
  });

  it("is refused in one line where these are missing", () => {
    const compare = () => compareGradients(problem, Float64Array.of(1, 1), { solver } as never);
    expect(compare).toThrow(/solver, reference and rules for problems of kind scaling/);
  });
});

describe.each([
  { kind: "sparsemax", study: () => truncationStudy(sparsemax, { x: cotangents.sparsemax }) },
  { kind: "entropy", study: () => truncationStudy(entropy, { x: cotangents.entropy }) },
  { kind: "convex", study: () => truncationStudy(convex, { x: cotangents.convex }) },
  { kind: "box_projection", study: () => truncationStudy(box, { x: cotangents.box }) },
  { kind: "sparse_qp_batch", study: () => truncationStudy(sparse, { x: cotangents.sparse }) },
])("truncationStudy on a problem of kind $kind", ({ study }) => {
  it("finds the gradient's error falling with the solution's", () => {
    const points = study();
    const [loosest, tightest] = [points[0], points[points.length - 1]];
    expect(tightest.solutionError).toBeLessThan(1e-3 * loosest.solutionError);
    expect(tightest.gradientError).toBeLessThan(1e-3 * loosest.gradientError);
  });
});

describe("the studies", () => {
  it("end at their time limit with the points that they have", () => {
    expect(truncationStudy(sparse, { x: cotangents.sparse }, undefined, { timeLimit: 1e-6 })).toEqual([]);
    expect(iterationStudy(sparse, "q", { timeLimit: 1e-6 })).toEqual([]);
    expect(() => iterationStudy(sparse, "q", { timeLimit: 0 })).toThrow(/timeLimit is 0/);
  });
});

describe.each([
  { kind: "sparsemax", study: (iterations: number[]) => iterationStudy(sparsemax, "y", { iterations }) },
  { kind: "entropy", study: (iterations: number[]) => iterationStudy(entropy, "y", { iterations }) },
  { kind: "convex", study: (iterations: number[]) => iterationStudy(convex, "theta0", { iterations }) },
  { kind: "box_projection", study: (iterations: number[]) => iterationStudy(box, "y", { iterations }) },
  { kind: "sparse_qp_batch", study: (iterations: number[]) => iterationStudy(sparse, "q", { iterations }) },
])("iterationStudy on a problem of kind $kind", ({ study }) => {
  it("finds x and its Jacobian converging to those of the KKT conditions along the iterations", () => {
    const points = study([1, 10, 200]);
    expect(points.map(({ iteration }) => iteration)).toEqual([1, 10, 200]);
    expect(points[0].jacobianError).toBeGreaterThan(1e-2);
    expect(points[2].solutionError).toBeLessThan(1e-6);
    expect(points[2].jacobianError).toBeLessThan(1e-6);
  });
});
