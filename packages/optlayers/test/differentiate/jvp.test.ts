import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  asSparsemaxRule,
  type Cotangent,
  type DataTangents,
  type Datum,
  DatumRangeError,
  type DifferentiationRule,
  datumNames,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  type Solution,
  type Solver,
  simplexProjection,
  sparsemaxImplicit,
  sparsemaxNames,
  sparsemaxProblem,
  unrolled,
} from "../../src/index.ts";
import { randomEntropyProgram } from "../random-entropy.ts";
import { inner, norm, normals, type RandomProgram, randomProgram, uniforms } from "../random-programs.ts";

/** A problem of any kind with a solver and the rules for it, its rules and names no longer told apart by type. */
interface Subject {
  readonly title: string;
  readonly problem: unknown;
  readonly data: Readonly<Record<string, Datum>>;
  readonly solver: Solver<unknown>;
  readonly rules: readonly DifferentiationRule<unknown, string>[];
}

function subject<N extends string, P extends Readonly<Record<N, Datum | null>>>(
  title: string,
  problem: P,
  names: readonly N[],
  solver: Solver<P>,
  rules: readonly DifferentiationRule<P, N>[],
): Subject {
  const present = names.flatMap((name) => (problem[name]?.values.length ? [[name, problem[name]] as const] : []));
  return {
    title,
    problem,
    data: Object.fromEntries(present),
    solver: solver as Solver<unknown>,
    rules: rules as unknown as readonly DifferentiationRule<unknown, string>[],
  };
}

const quadraticRules: DifferentiationRule[] = [
  implicit(),
  alternating(),
  { ...alternating({ acceleration: "none" }), name: "alternating, plain recursion" },
  alternating({ mode: "forward" }),
  unrolled({ tolerance: 1e-12 }),
];

const programs: Record<string, RandomProgram> = {
  "QP with equalities and inequalities": { n: 12, p: 3, m: 8, seed: 1 },
  "QP without equalities, p + m > n": { n: 8, p: 0, m: 12, seed: 12 },
  "QP with equalities alone": { n: 10, p: 4, m: 0, seed: 3 },
  "QP without constraints": { n: 6, p: 0, m: 0, seed: 5 },
  "QPs that share Q, A, G": { n: 12, p: 3, m: 8, batch: 3, batched: ["q", "b", "h"], seed: 7 },
  "QPs that share all but q": { n: 10, p: 2, m: 6, batch: 3, batched: ["q"], seed: 22 },
  "QPs that share nothing": { n: 8, p: 2, m: 7, batch: 3, batched: ["Q", "q", "A", "b", "G", "h"], seed: 17 },
};

const entropicRules = [entropicImplicit(), entropicAlternating(), entropicAlternating({ mode: "forward" })];

function randomSparsemax(n: number, batch: number, withBounds: boolean) {
  const [normal, uniform] = [normals(n), uniforms(n + 1)];
  const row = (next: () => number) => Array.from({ length: n }, next);
  return sparsemaxProblem({
    y: Array.from({ length: batch }, () => row(() => 0.3 * normal())),
    total: Array.from({ length: batch }, () => 0.8 + uniform() / 2),
    ...(withBounds && { u: row(() => (0.5 + uniform()) * (3 / n)) }),
  });
}

const sparsemaxRules = [sparsemaxImplicit(), ...quadraticRules.map((rule) => asSparsemaxRule(rule))];

const subjects: Subject[] = [
  ...Object.entries(programs).map(([title, options]) =>
    subject(title, randomProgram(options), datumNames, interiorPoint({ tolerance: 1e-12 }), quadraticRules),
  ),
  subject(
    "QP, solved by ADMM",
    randomProgram({ n: 12, p: 3, m: 8, seed: 1 }),
    datumNames,
    admm({ tolerance: 1e-13 }),
    quadraticRules,
  ),
  ...[
    randomEntropyProgram({ n: 9, p: 2, m: 6, seed: 31 }),
    randomEntropyProgram({ n: 6, p: 1, m: 4, batch: 3, seed: 35 }),
  ].map((problem) =>
    subject(`entropy, batch ${problem.batch}`, problem, entropyNames, entropicInteriorPoint(), entropicRules),
  ),
  ...[true, false].map((bounded) =>
    subject(
      `sparsemax ${bounded ? "with" : "without"} upper bounds`,
      randomSparsemax(9, 3, bounded),
      sparsemaxNames,
      simplexProjection(),
      sparsemaxRules,
    ),
  ),
];

function randomTangents(data: Readonly<Record<string, Datum>>, seed: number): Record<string, Float64Array> {
  const normal = normals(seed);
  return Object.fromEntries(Object.entries(data).map(([name, { values }]) => [name, values.map(() => normal())]));
}

const parts = ["x", "nu", "lambda"] as const;

function randomCotangent(solution: Solution, seed: number): Required<Pick<Cotangent, (typeof parts)[number]>> {
  const normal = normals(seed);
  const [x, nu, lambda] = parts.map((part) => solution[part].map(() => normal()));
  return { x, nu, lambda };
}

function tangentOf(rule: DifferentiationRule<unknown, string>, subject: Subject, tangents: DataTangents<string>) {
  const solution = subject.solver.solve(subject.problem);
  if (!rule.jvp) throw new Error(`${rule.name} has no jvp`);
  return rule.jvp(subject.problem, solution, tangents);
}

/** The solution's change along the tangents of all data, symmetric for Q, by central differences. */
function differences({ problem, data, solver }: Subject, tangents: Record<string, Float64Array>, step = 1e-5) {
  const at = (t: number) => {
    const moved = Object.entries(data).map(([name, datum]) => {
      const [n] = datum.shape;
      const direction = tangents[name];
      const values = datum.values.map((value, k) => {
        const i = Math.floor(k / n) % n;
        const mirror = name === "Q" ? k - i * n - (k % n) + (k % n) * n + i : k;
        return value + (t * (direction[k] + direction[mirror])) / 2;
      });
      return [name, { ...datum, values }];
    });
    return solver.solve({ ...(problem as object), ...Object.fromEntries(moved) });
  };
  const [after, before] = [at(step), at(-step)];
  return (part: (typeof parts)[number]) => after[part].map((value, k) => (value - before[part][k]) / (2 * step));
}

describe.each(subjects)("$title", (subject) => {
  const solution = subject.solver.solve(subject.problem);
  const tangents = randomTangents(subject.data, 11);
  const slope = differences(subject, tangents);

  it.each(subject.rules)(
    "$name: <c, J t> = <J'c, t> to 1e-10 with x, nu and lambda, all data moving together",
    (rule) => {
      for (let seed = 1; seed <= 5; seed++) {
        const t = randomTangents(subject.data, seed);
        const c = randomCotangent(solution, seed + 100);
        const { tangent } = tangentOf(rule, subject, t);
        const { gradients } = rule.vjp(subject.problem, solution, c);
        const forwards = parts.reduce((sum, part) => sum + inner(c[part], tangent[part]), 0);
        const backwards = Object.keys(t).reduce((sum, name) => sum + inner(gradients[name] ?? [], t[name]), 0);
        const size = Math.hypot(...parts.map((part) => norm(c[part]) * norm(tangent[part])));
        expect(Math.abs(forwards - backwards) / size).toBeLessThan(1e-10);
      }
    },
  );

  it.each(subject.rules)("$name: the tangents of x, nu and lambda are central differences to 1e-6", (rule) => {
    expect(new Set(solution.status)).toEqual(new Set(["solved"]));
    const { tangent, report } = tangentOf(rule, subject, tangents);
    expect(report.notes).toEqual([]);
    for (const part of parts) {
      const expected = slope(part);
      const error = norm(tangent[part].map((value, k) => value - expected[k]));
      expect(error / (norm(expected) || 1), part).toBeLessThan(1e-6);
    }
  });

  it.each(subject.rules)("$name: data without a tangent stay", (rule) => {
    const [name] = Object.keys(tangents).slice(-1);
    const zeros = Object.fromEntries(
      Object.entries(tangents).map(([own, { length }]) => [own, new Float64Array(length)]),
    );
    const alone = tangentOf(rule, subject, { [name]: tangents[name] }).tangent;
    const padded = tangentOf(rule, subject, { ...zeros, [name]: tangents[name] }).tangent;
    expect(norm(alone.x)).toBeGreaterThan(0);
    for (const part of parts) expect(alone[part]).toEqual(padded[part]);
  });
});

describe("unrolled, cut off after any number of iterations", () => {
  const singular = randomProgram({ n: 8, p: 2, m: 7, seed: 12 });
  singular.Q.values.fill(0);
  const cases: Record<string, QuadraticProgram> = {
    "one problem": randomProgram(programs["QP with equalities and inequalities"]),
    "p + m > n": randomProgram(programs["QP without equalities, p + m > n"]),
    "shared matrices": randomProgram(programs["QPs that share Q, A, G"]),
    "nothing shared": randomProgram(programs["QPs that share nothing"]),
    "no constraints": randomProgram(programs["QP without constraints"]),
    "Q = 0": singular,
  };
  const lengths = fc.integer({ min: 1, max: 40 });

  it.each(Object.entries(cases))("is the transpose of the tape to 1e-10: %s", (_title, problem) => {
    const found = interiorPoint().solve(problem);
    // what cannot be solved is unrolled all the same
    const solution = { ...found, status: found.status.map(() => "solved" as const) };
    fc.assert(
      fc.property(lengths, fc.boolean(), fc.integer({ min: 1, max: 1000 }), (iterations, checkpoints, seed) => {
        const rule = unrolled({ iterations, checkpoints });
        const normal = normals(seed);
        const t = Object.fromEntries(datumNames.map((name) => [name, problem[name].values.map(() => normal())]));
        const c = randomCotangent(solution, seed + 1);
        const { tangent, report } = rule.jvp(problem, solution, t);
        const { gradients } = rule.vjp(problem, solution, c);
        const forwards = parts.reduce((sum, part) => sum + inner(c[part], tangent[part]), 0);
        const backwards = datumNames.reduce((sum, name) => sum + inner(gradients[name] ?? [], t[name]), 0);
        const size = Math.hypot(...parts.map((part) => norm(c[part]) * norm(tangent[part])));
        expect(Math.abs(forwards - backwards) / size).toBeLessThan(1e-10);
        expect(report.iterations).toBe(problem.p + problem.m > 0 ? iterations : 1);
      }),
      { numRuns: 8 },
    );
  });

  it("says so of a tangent that has not settled", () => {
    const problem = cases["one problem"];
    const { report } = unrolled({ iterations: 4 }).jvp(problem, interiorPoint().solve(problem), {
      q: new Float64Array(12).fill(1),
    });
    expect(report.notes.join()).toMatch(/The tangent has not settled: it still changed by .* after 4 iterations/);
  });
});

describe("a Jacobian-vector product", () => {
  const problem = randomProgram({ n: 6, p: 2, m: 4, batch: 2, batched: ["q", "b"], seed: 7 });
  const solution = interiorPoint().solve(problem);

  it("is zero at an item without a usable solution, whatever its entries are, and leaves the other alone", () => {
    const x = solution.x.slice();
    x.fill(Number.NaN, 6, 12);
    const broken = { ...solution, x, status: ["solved", "primal_infeasible"] as const };
    const t = { q: Float64Array.from({ length: 12 }, normals(1)), A: Float64Array.from({ length: 12 }, normals(2)) };
    for (const rule of quadraticRules) {
      const { tangent } = rule.jvp?.(problem, broken, t) ?? { tangent: solution };
      const whole = rule.jvp?.(problem, solution, t).tangent ?? solution;
      expect(
        [...tangent.x.subarray(6), ...tangent.nu.subarray(2), ...tangent.lambda.subarray(4)].every((v) => v === 0),
      ).toBe(true);
      expect(norm(tangent.x.subarray(0, 6).map((value, k) => value - whole.x[k]))).toBeLessThan(1e-9);
    }
  });

  it("refuses a tangent of another length than its datum", () => {
    expect(() => implicit().jvp(problem, solution, { q: new Float64Array(6) })).toThrow(DatumRangeError);
    expect(() => implicit().jvp(problem, solution, { q: new Float64Array(6) })).toThrow(
      "the tangent of q has 6 entries; expected 12 numbers, as q has",
    );
  });
});
