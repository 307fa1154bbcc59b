import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alternating,
  asSparsemaxRule,
  type Cotangent,
  type DifferentiationRule,
  datumNames,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  entropyProgram,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  quadraticProgram,
  type Solution,
  simplexProjection,
  sparsemaxImplicit,
  sparsemaxProblem,
} from "../../src/index.ts";
import { leastNormSolution } from "../../src/kkt/least-norm.ts";
import { identity, inner, norm, normals, randomProgram, uniforms } from "../random-programs.ts";

const truncate = 1e-13;
const rules: [string, DifferentiationRule][] = [
  ["implicit", implicit()],
  ["alternating", alternating({ truncate })],
  ["alternating, plain recursion", alternating({ truncate, acceleration: "none" })],
  ["alternating, forward mode", alternating({ truncate, mode: "forward" })],
];

/** The pseudoinverse of the KKT matrix of all equalities and the active inequalities, applied to a right-hand side. */
function pseudoinverse(
  { n, p, m, Q, A, G }: QuadraticProgram,
  solution: Solution,
  c: Required<Omit<Cotangent, "zeta">>,
) {
  const active = Array.from({ length: m }, (_, i) => i).filter((i) => solution.lambda[i] > solution.s[i]);
  const size = n + p + active.length;
  const K = new Float64Array(size * size);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) K[i * size + j] = Q.values[i * n + j];
  const rows = [
    ...Array.from({ length: p }, (_, k) => A.values.subarray(k * n)),
    ...active.map((i) => G.values.subarray(i * n)),
  ];
  rows.forEach((row, k) => {
    for (let j = 0; j < n; j++) {
      K[(n + k) * size + j] = row[j];
      K[j * size + n + k] = row[j];
    }
  });
  const rhs = Float64Array.from([...c.x, ...c.nu, ...active.map((i) => c.lambda[i])]);
  const { x: z, rank } = leastNormSolution(K, size, rhs);
  const w = new Float64Array(m);
  active.forEach((i, k) => {
    w[i] = z[n + p + k];
  });
  return { u: z.slice(0, n), y: z.slice(n, n + p), w, isSingular: rank < size };
}

/** A random program some of whose rows are combinations of others, and binding together. */
function redundantProgram(seed: number): QuadraticProgram {
  const uniform = uniforms(seed);
  const problem = randomProgram({ n: 8, p: 3, m: 7, seed });
  const { A, b, G, h } = problem;
  const solution = interiorPoint().solve(problem);
  // the third equality a combination of the others
  const [s, t] = [uniform() + 0.5, uniform() - 0.5];
  for (let j = 0; j < 8; j++) A.values[16 + j] = s * A.values[j] + t * A.values[8 + j];
  b.values[2] = s * b.values[0] + t * b.values[1];
  // two inequalities that do not bind, if there are some, become a copy in other units of one that does
  const active = [...solution.lambda.keys()].find((i) => solution.lambda[i] > 1e-2) ?? 0;
  const idle = [...solution.lambda.keys()].filter((i) => solution.s[i] > 1e-2).slice(0, 2);
  idle.forEach((i, k) => {
    for (let j = 0; j < 8; j++) G.values[i * 8 + j] = (k + 1) * G.values[active * 8 + j];
    h.values[i] = (k + 1) * h.values[active];
  });
  return problem;
}

function close(found: ArrayLike<number>, expected: ArrayLike<number>, size: number, what: string) {
  const error = norm(Float64Array.from(expected, (value, k) => found[k] - value));
  expect(error / size, what).toBeLessThan(1e-6);
}

describe.each(rules)("%s, with redundant active rows", (_name, rule) => {
  it("is what the pseudoinverse of the KKT matrix gives, and says so", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (seed) => {
        const problem = redundantProgram(seed);
        const solution = interiorPoint({ tolerance: 1e-11 }).solve(problem);
        fc.pre(solution.status[0] === "solved");
        fc.pre(solution.lambda.every((value, i) => Math.max(value, solution.s[i]) > 1e-3));
        const normal = normals(seed + 1);
        const [x, nu, lambda] = [8, 3, 7].map((length) => Float64Array.from({ length }, normal));
        const { u, y, w, isSingular } = pseudoinverse(problem, solution, { x, nu, lambda });
        expect(isSingular).toBe(true);
        const { gradients, report } = rule.vjp(problem, solution, { x, nu, lambda });
        const size = Math.hypot(norm(u), norm(y), norm(w));
        close(
          gradients.q ?? [],
          u.map((value) => -value),
          size,
          "q",
        );
        close(gradients.b ?? [], y, size, "b");
        close(gradients.h ?? [], w, size, "h");
        expect(report.notes.join()).toMatch(/dependent \(rank \d+ of \d+\).*least norm/);
        const { tangent } = rule.jvp?.(problem, solution, { q: x.map((value) => -value), b: nu, h: lambda }) ?? {};
        close(tangent?.x ?? [], u, size, "dx");
        close(tangent?.nu ?? [], y, size, "dnu");
        close(tangent?.lambda ?? [], w, size, "dlambda");
      }),
      { numRuns: 12 },
    );
  });

  it("is the same in the vector-Jacobian and the Jacobian-vector product, for all data", () => {
    const problem = redundantProgram(3);
    const solution = interiorPoint({ tolerance: 1e-11 }).solve(problem);
    const normal = normals(9);
    const t = Object.fromEntries(datumNames.map((name) => [name, problem[name].values.map(() => normal())]));
    const [x, nu, lambda] = [8, 3, 7].map((length) => Float64Array.from({ length }, normal));
    const { gradients } = rule.vjp(problem, solution, { x, nu, lambda });
    const tangent = rule.jvp?.(problem, solution, t).tangent ?? solution;
    const forwards = inner(x, tangent.x) + inner(nu, tangent.nu) + inner(lambda, tangent.lambda);
    const backwards = datumNames.reduce((sum, name) => sum + inner(gradients[name] ?? [], t[name]), 0);
    expect(Math.abs(forwards - backwards) / Math.abs(forwards)).toBeLessThan(1e-7);
  });

  it("at the vertex of an LP has no gradient in q, and shares the move of the vertex among the rows that meet there", () => {
    // minimize -x1 - x2 on the unit box with x1 + x2 <= 2: three lines meet in (1, 1)
    const problem = quadraticProgram({
      Q: [
        [0, 0],
        [0, 0],
      ],
      q: [-1, -1],
      G: [...identity(2), [1, 1], ...identity(2, -1)],
      h: [1, 1, 2, 0, 0],
    });
    const solution = interiorPoint({ tolerance: 1e-11 }).solve(problem);
    expect(solution.status).toEqual(["solved"]);
    const { gradients, report } = rule.vjp(problem, solution, { x: Float64Array.of(1, 0) });
    for (const gradient of Object.values(gradients)) expect(gradient.every(Number.isFinite)).toBe(true);
    close(gradients.q ?? [], [0, 0], 1, "q");
    // the least-norm w with w1 + w3 = 1, w2 + w3 = 0
    close(gradients.h ?? [], [2 / 3, -1 / 3, 1 / 3, 0, 0], 1, "h");
    expect(report.notes.join()).toMatch(/dependent \(rank 2 of 3\)/);
  });

  it("gives two copies of a row half each, and a row written twice as large what the least norm asks for", () => {
    const G = [
      [1, 0],
      [1, 0],
      [2, 0],
    ];
    const problem = quadraticProgram({ Q: identity(2), q: [-3, 0], G, h: [1, 1, 2] });
    const solution = interiorPoint().solve(problem);
    const { gradients } = rule.vjp(problem, solution, { x: Float64Array.of(1, 1) });
    close(gradients.q ?? [], [0, -1], 1, "q");
    close(gradients.h ?? [], [1 / 6, 1 / 6, 1 / 3], 1, "h");
  });

  it("says nothing of dependence where the active rows are independent", () => {
    const problem = randomProgram({ n: 6, p: 2, m: 12, seed: 12 });
    const { report } = rule.vjp(problem, interiorPoint().solve(problem), { x: new Float64Array(6).fill(1) });
    expect(report.notes).toEqual([]);
  });
});

describe("rules for entropy programs, with redundant rows", () => {
  const problem = entropyProgram({
    y: [1, 2, 0.5, -1],
    A: [
      [1, 1, 1, 1],
      [3, 3, 3, 3],
    ],
    b: [1, 3],
    G: [
      [0, 1, 0, 0],
      [0, 1, 0, 0],
    ],
    h: [0.3, 0.3],
  });
  const solution = entropicInteriorPoint().solve(problem);
  const entropicRules = [
    entropicImplicit(),
    entropicAlternating({ truncate }),
    entropicAlternating({ mode: "forward", truncate }),
  ];

  it.each(entropicRules)(
    "$name: the least norm shares what is theirs, in both products, and the report says so",
    (rule) => {
      expect(solution.status).toEqual(["solved"]);
      const c = { x: Float64Array.of(1, -2, 0.5, 3), nu: Float64Array.of(1, -1), lambda: Float64Array.of(2, 1) };
      const { gradients, report } = rule.vjp(problem, solution, c);
      expect(gradients.b?.[1]).toBeCloseTo(3 * (gradients.b?.[0] ?? 0), 9);
      expect(Math.abs(gradients.b?.[0] ?? 0)).toBeGreaterThan(1e-2);
      expect(gradients.h?.[1]).toBeCloseTo(gradients.h?.[0] ?? 0, 9);
      expect(report.notes.join()).toMatch(/dependent \(rank 2 of 4\)/);
      const normal = normals(5);
      const t = Object.fromEntries(entropyNames.map((name) => [name, problem[name].values.map(() => normal())]));
      const { tangent } = rule.jvp(problem, solution, t);
      const forwards = inner(c.x, tangent.x) + inner(c.nu, tangent.nu) + inner(c.lambda, tangent.lambda);
      const backwards = entropyNames.reduce((sum, name) => sum + inner(gradients[name] ?? [], t[name]), 0);
      expect(Math.abs(forwards - backwards) / Math.abs(forwards)).toBeLessThan(1e-9);
    },
  );

  it("agree with each other", () => {
    const c = { x: Float64Array.of(1, -2, 0.5, 3), nu: Float64Array.of(1, -1), lambda: Float64Array.of(2, 1) };
    const [expected, ...others] = entropicRules.map((rule) => rule.vjp(problem, solution, c).gradients);
    for (const other of others)
      for (const name of entropyNames) close(other[name] ?? [], expected[name] ?? [], 1, name);
  });
});

describe("sparsemax at a vertex", () => {
  const problem = sparsemaxProblem({ y: [5, 1, 0, -1], u: [0.5, 0.5, 1, 1] });
  const solution = simplexProjection().solve(problem);
  const [byStructure, ...others] = [sparsemaxImplicit(), ...rules.map(([, rule]) => asSparsemaxRule(rule))];

  it("has by its structure what every rule gives for it as a QP, in both products, duals included", () => {
    const normal = normals(8);
    const [x, nu, lambda] = [4, 1, 8].map((length) => Float64Array.from({ length }, normal));
    const t = { y: x, u: lambda.slice(0, 4), total: nu };
    const { gradients, report } = byStructure.vjp(problem, solution, { x, nu, lambda });
    const tangent = byStructure.jvp?.(problem, solution, t).tangent ?? solution;
    expect(report.notes.join()).toContain("at a vertex");
    for (const other of others) {
      const found = other.vjp(problem, solution, { x, nu, lambda }).gradients;
      for (const name of ["y", "u", "total"] as const)
        close(found[name] ?? [], gradients[name] ?? [], 1, `${other.name} ${name}`);
      const moved = other.jvp?.(problem, solution, t).tangent ?? solution;
      for (const part of ["x", "nu", "lambda"] as const) close(moved[part], tangent[part], 1, `${other.name} d${part}`);
    }
  });
});
