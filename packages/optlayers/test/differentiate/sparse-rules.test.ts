import { describe, expect, it } from "vitest";
import {
  type Cotangent,
  type DataTangents,
  type SparseBatchSolution,
  type SparseDatumName,
  type SparseQuadraticBatch,
  type SparseQuadraticBatchData,
  type SparseRule,
  sparseAdmm,
  sparseAlternating,
  sparseBatchSolver,
  sparseDatumNames,
  sparseImplicit,
  sparseInteriorPoint,
  sparseQuadraticBatch,
  sparseUnrolled,
} from "../../src/index.ts";
import { clearSparse, patternsOf } from "../random-sparse.ts";
import { randomFrom } from "../table/table-class.ts";

const [n, p, m] = [12, 3, 8];
const solvers = {
  "interior point": sparseBatchSolver(sparseInteriorPoint({ tolerance: 1e-12 })),
  admm: sparseBatchSolver(sparseAdmm({ tolerance: 1e-12 })),
};
const rules: Record<string, SparseRule> = {
  implicit: sparseImplicit(),
  alternating: sparseAlternating({ truncate: 1e-14 }),
  unrolled: sparseUnrolled({ tolerance: 1e-12 }),
};

function problemOf(seed: number): SparseQuadraticBatch {
  return sparseQuadraticBatch(clearSparse(randomFrom(seed), patternsOf(n, p, m)));
}

function randomCotangent(seed: number): Required<Cotangent> {
  const { normal } = randomFrom(seed);
  const numbers = (length: number) => Float64Array.from({ length }, normal);
  return { x: numbers(n), nu: numbers(p), lambda: numbers(m), zeta: numbers(n) };
}

/** A direction of every datum; Q's is symmetric. */
function randomTangents(problem: SparseQuadraticBatch, seed: number): Required<DataTangents<SparseDatumName>> {
  const { normal } = randomFrom(seed);
  const tangents = Object.fromEntries(sparseDatumNames.map((name) => [name, problem[name].values.map(normal)]));
  const { source, mirror } = problem.layouts.Q;
  source.forEach((from, k) => {
    if (mirror) tangents.Q[mirror[k]] = tangents.Q[from];
  });
  return tangents as Required<DataTangents<SparseDatumName>>;
}

const inner = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k], 0);

function bothProducts(rule: SparseRule, problem: SparseQuadraticBatch, solution: SparseBatchSolution) {
  const cotangent = randomCotangent(31);
  const tangents = randomTangents(problem, 32);
  const { gradients } = rule.vjp(problem, solution, cotangent);
  const { tangent } = rule.jvp(problem, solution, tangents);
  const backward = sparseDatumNames.reduce(
    (sum, name) => sum + inner(gradients[name] ?? new Float64Array(0), tangents[name]),
    0,
  );
  const { x, nu, lambda, zeta = new Float64Array(0) } = tangent;
  const parts = [
    inner(cotangent.x, x),
    inner(cotangent.nu, nu),
    inner(cotangent.lambda, lambda),
    inner(cotangent.zeta, zeta),
  ];
  return { backward, forward: parts.reduce((sum, part) => sum + part, 0) };
}

describe.each(Object.keys(rules))("the %s rule of sparse QPs", (name) => {
  const rule = rules[name];

  it.each([1, 2, 3])("has a VJP and a JVP that agree to 1e-10, duals included, problem %i", (seed) => {
    const problem = problemOf(seed);
    for (const solver of Object.values(solvers)) {
      const { backward, forward } = bothProducts(rule, problem, solver.solve(problem));
      expect(Math.abs(backward - forward)).toBeLessThan(1e-10 * (1 + Math.abs(backward)));
    }
  });

  it.each([4, 5, 6])("gives the implicit gradients to 1e-8 whichever solver found the solution, problem %i", (seed) => {
    const problem = problemOf(seed);
    const cotangent = randomCotangent(seed + 40);
    const reference = sparseImplicit().vjp(problem, solvers["interior point"].solve(problem), cotangent).gradients;
    for (const solver of Object.values(solvers)) {
      const { gradients, report } = rule.vjp(problem, solver.solve(problem), cotangent);
      expect(report.notes).toEqual([]);
      for (const datum of sparseDatumNames) {
        const expected = reference[datum] ?? new Float64Array(0);
        const size = 1 + expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        gradients[datum]?.forEach((value, k) => {
          expect(Math.abs(value - expected[k])).toBeLessThan(1e-8 * size);
        });
      }
    }
  });

  it("gives nothing to an item that was not solved, whatever numbers it holds", () => {
    const data = clearSparse(randomFrom(9), patternsOf(n, p, m));
    const twice = (values: Float64Array) => [[...values], [...values]];
    const problem = sparseQuadraticBatch({ ...data, q: twice(data.q) });
    const solution = solvers["interior point"].solve(problem);
    const broken = {
      ...solution,
      status: ["solved", "max_iterations"] as const,
      x: solution.x.map((v, k) => (k < n ? v : Number.NaN)),
    };
    const { x, nu, lambda, zeta } = randomCotangent(3);
    const doubled = (values: Float64Array) => Float64Array.of(...values, ...values);
    const { gradients } = rule.vjp(problem, broken, {
      x: doubled(x),
      nu: doubled(nu),
      lambda: doubled(lambda),
      zeta: doubled(zeta),
    });
    expect(gradients.q?.subarray(0, n).some((value) => value !== 0)).toBe(true);
    expect(gradients.q?.subarray(n).every((value) => value === 0)).toBe(true);
    expect(gradients.A?.every(Number.isFinite)).toBe(true);
  });

  it("gives infinite bounds no gradient", () => {
    const problem = problemOf(11);
    const { gradients } = rule.vjp(problem, solvers.admm.solve(problem), randomCotangent(12));
    for (const name of ["l", "u", "lower", "upper"] as const) {
      problem[name].values.forEach((bound, k) => {
        if (!Number.isFinite(bound)) expect(gradients[name]?.[k]).toBe(0);
      });
    }
  });
});

describe("degenerate problems", () => {
  const identity = [
    [1, 0],
    [0, 1],
  ];
  const slopesIn = (data: SparseQuadraticBatchData, names: readonly SparseDatumName[]) =>
    Object.values(rules).map((rule) => {
      const problem = sparseQuadraticBatch(data);
      const { gradients, report } = rule.vjp(problem, solvers.admm.solve(problem), { x: Float64Array.of(1, 2) });
      return { values: names.flatMap((name) => [...(gradients[name] ?? [])]), report };
    });

  it("have the same finite gradient by every rule where equality rows repeat each other", () => {
    const data = {
      Q: identity,
      q: [1, -1],
      A: [
        [1, 1],
        [2, 2],
      ],
      b: [1, 2],
    };
    for (const { values } of slopesIn(data, ["q"])) {
      [0.5, -0.5].forEach((expected, k) => {
        expect(values[k]).toBeCloseTo(expected, 8);
      });
    }
  });

  it("share the gradient of a bound between two rows that say the same, by every rule", () => {
    const data = {
      Q: identity,
      q: [-3, 0],
      G: [
        [1, 0],
        [1, 0],
      ],
      u: [1, 1],
    };
    for (const { values } of slopesIn(data, ["q", "u"])) {
      expect(values.every(Number.isFinite)).toBe(true);
      expect(values[0]).toBeCloseTo(0, 8);
      expect(values[1]).toBeCloseTo(-2, 8);
      expect(values[2] + values[3]).toBeCloseTo(1, 8);
    }
  });

  it("have x fixed by the bounds at the vertex of a linear program, and say so, by every rule", () => {
    for (const { values, report } of slopesIn({ q: [-1, -2], lower: [0, 0], upper: [1, 1] }, ["q", "upper"])) {
      expect(report.notes.join()).toContain("the gradient of q is zero almost everywhere");
      [0, 0, 1, 2].forEach((expected, k) => {
        expect(values[k]).toBeCloseTo(expected, 8);
      });
    }
  });

  it("are told of where a bound binds with no multiplier", () => {
    const [implicitly, alternately] = slopesIn({ Q: identity, q: [0, -1], lower: [0, 0] }, ["q"]);
    for (const { report } of [implicitly, alternately]) expect(report.notes.join()).toContain("a multiplier of zero");
  });
});

describe("truncation", () => {
  it("leaves the alternating gradient off by about its tolerance, and is reported", () => {
    const problem = problemOf(21);
    const solution = solvers.admm.solve(problem);
    const cotangent = randomCotangent(22);
    const exact = sparseImplicit().vjp(problem, solution, cotangent).gradients.q ?? new Float64Array(n);
    const errors = [1e-2, 1e-4, 1e-8].map((truncate) => {
      const { gradients, report } = sparseAlternating({ truncate }).vjp(problem, solution, cotangent);
      expect(report.residual).toBeLessThanOrEqual(truncate);
      return Math.max(...exact.map((value, k) => Math.abs(value - (gradients.q?.[k] ?? Number.NaN))));
    });
    expect(errors[1]).toBeLessThan(errors[0]);
    expect(errors[2]).toBeLessThan(1e-6);
  });

  it("is said where the recursion or the tape ends before its tolerance", () => {
    const problem = problemOf(23);
    const solution = solvers["interior point"].solve(problem);
    const cotangent = randomCotangent(24);
    const recursion = sparseAlternating({ maxIterations: 3 }).vjp(problem, solution, cotangent).report;
    expect(recursion.notes.join()).toContain("after 3 iterations");
    const tape = sparseUnrolled({ iterations: 3 }).vjp(problem, solution, cotangent).report;
    expect(tape.notes.join()).toContain("The gradient has not settled");
    const tangent = sparseUnrolled({ iterations: 3 }).jvp(problem, solution, { q: problem.q.values }).report;
    expect(tangent.notes.join()).toContain("The tangent has not settled");
  });

  it("is told from a recursion without a limit, that of the multipliers of two copies of a row", () => {
    const identity = { shape: [2, 2] as [number, number], indptr: [0, 1, 2], indices: [0, 1], data: [1, 2] };
    const A = [
      [1, 1],
      [2, 2],
    ];
    const problem = sparseQuadraticBatch({ Q: identity, q: [1, 1], A, b: [1, 2] });
    const cotangent = { x: Float64Array.of(1, 0), nu: Float64Array.of(1, 0) };
    const { report } = sparseAlternating({ maxIterations: 500 }).vjp(problem, solvers.admm.solve(problem), cotangent);
    expect(report.notes.join()).toContain("dependent constraints may leave it without a limit");
  });

  it("is said where it was asked for", () => {
    const problem = problemOf(23);
    const solution = solvers["interior point"].solve(problem);
    const { report } = sparseAlternating({ truncate: 1e-2 }).vjp(problem, solution, randomCotangent(24));
    expect(report.notes.join()).toContain("truncated at a residual of 0.01 on purpose");
  });

  it("is measured by the distance to the limit: a recursion of small steps goes on", () => {
    const n = 200;
    const all = (value: number, length = n) => new Array<number>(length).fill(value);
    const rows = { indptr: [0], indices: [] as number[], data: [] as number[] };
    for (let j = 0; j < n; j++) {
      if (j > 0) rows.indices.push(j - 1);
      if (j < n - 1) rows.indices.push(j);
      rows.data.push(...(j > 0 ? [1] : []), ...(j < n - 1 ? [-1] : []));
      rows.indptr.push(rows.indices.length);
    }
    const Q = { shape: [n, n] as [number, number], indptr: Array.from({ length: n + 1 }, (_, j) => j) };
    const problem = sparseQuadraticBatch({
      Q: { ...Q, indices: Q.indptr.slice(0, n), data: all(2) },
      q: Array.from({ length: n }, (_, j) => 3 * Math.sin(j * j)),
      G: { shape: [n - 1, n], ...rows },
      l: all(-0.2, n - 1),
      u: all(0.2, n - 1),
    });
    const solution = solvers.admm.solve(problem);
    const cotangent = { x: Float64Array.from({ length: n }, (_, j) => Math.cos(j)) };
    const gradient = (rule: SparseRule) => rule.vjp(problem, solution, cotangent, { wanted: ["u"] }).gradients.u ?? [];
    const exact = gradient(sparseImplicit());
    const size = Math.max(...exact.map(Math.abs));
    gradient(sparseAlternating({ truncate: 1e-3 })).forEach((value, i) => {
      expect(Math.abs(value - exact[i])).toBeLessThan(2e-2 * size);
    });
  });
});

describe("a start of the tape that is the solution already", () => {
  it.each(["unrolled", "alternating"])("does not end the %s rule before its derivative has settled", (name) => {
    const problem = sparseQuadraticBatch({
      Q: [
        [2, 0.5],
        [0.5, 1],
      ],
      q: [0, 0],
      lower: [-1, -1],
      upper: [1, 1],
    });
    const solution = solvers.admm.solve(problem);
    const direction = Float64Array.of(1, 2);
    const { gradients, report } = rules[name].vjp(problem, solution, { x: direction });
    const forward = rules[name].jvp(problem, solution, { q: direction });
    expect([...report.notes, ...forward.report.notes]).toEqual([]);
    for (const derivative of [gradients.q ?? [], forward.tangent.x]) {
      expect(derivative[0]).toBeCloseTo(0, 9);
      expect(derivative[1]).toBeCloseTo(-2, 9);
    }
  });
});

describe("the unrolled rule's memory", () => {
  it("grows with the square root of the iterations", () => {
    const problem = problemOf(25);
    const solution = solvers.admm.solve(problem);
    const bytes = (iterations: number) =>
      sparseUnrolled({ iterations }).vjp(problem, solution, randomCotangent(26)).report.peakBytes;
    expect(bytes(6400) / bytes(100)).toBeLessThan(12);
    expect(bytes(6400) / bytes(100)).toBeGreaterThan(5);
  });

  it("does not change the gradient: a tape cut anywhere gives that of the whole", () => {
    const problem = problemOf(27);
    const solution = solvers["interior point"].solve(problem);
    const cotangent = randomCotangent(28);
    for (const iterations of [1, 2, 7, 33]) {
      const rule = sparseUnrolled({ iterations });
      const { backward, forward } = bothProducts(rule, problem, solution);
      expect(Math.abs(backward - forward)).toBeLessThan(1e-11 * (1 + Math.abs(backward)));
      expect(rule.vjp(problem, solution, cotangent).report.iterations).toBe(iterations);
    }
  });
});
