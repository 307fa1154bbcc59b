import { readFileSync } from "node:fs";
import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type BindingConstraint,
  boxProjection,
  convexInteriorPoint,
  convexProgram,
  type Explanation,
  entropicInteriorPoint,
  entropyProgram,
  explain,
  formatExplanation,
  interiorPoint,
  OptionError,
  type QuadraticProgram,
  type QuadraticProgramData,
  quadraticProgram,
  readMps,
  type SparsemaxData,
  type SparseQuadraticProgram,
  semismoothNewton,
  simplexProjection,
  sparseBatchSolver,
  sparseInteriorPoint,
  sparsemaxProblem,
  sparseQuadraticBatch,
  sparseQuadraticProgram,
} from "../../src/index.ts";
import { randomProgram } from "../random-programs.ts";
import { dataFile } from "../support/data.ts";

const exact = interiorPoint({ tolerance: 1e-11 });
const solved = (problem: QuadraticProgram) => explain(problem, exact.solve(problem));
const explained = (data: QuadraticProgramData) => solved(quadraticProgram(data));

/** minimize 1/2 x1^2 + x2^2 - x1 - 2 x2 on x1 + x2 = 1, x1 <= 0.2, x2 <= 3, x1 >= 0: x = (0.2, 0.8). */
const small = {
  Q: [
    [1, 0],
    [0, 2],
  ],
  q: [-1, -2],
  A: [[1, 1]],
  b: [1],
  G: [
    [1, 0],
    [0, 1],
    [-1, 0],
  ],
  h: [0.2, 3, 0],
};

const named = (explanation: Explanation, constraint: string): BindingConstraint => {
  const row = explanation.binding.find((each) => each.constraint === constraint);
  if (!row) throw new Error(`${constraint} does not bind`);
  return row;
};

describe("explain on a problem of two variables, done by hand", () => {
  const explanation = explained(small);

  it("finds the binding constraints, their duals and prices", () => {
    expect(explanation.binding.map(({ constraint }) => constraint).sort()).toEqual(["A[0]", "G[0]"]);
    const { dual, price, bound, relation, datum, index } = named(explanation, "G[0]");
    expect({ bound, relation, datum, index }).toEqual({ bound: 0.2, relation: "<=", datum: "h", index: 0 });
    expect(dual).toBeCloseTo(0.4, 9);
    expect(price).toBeCloseTo(-0.4, 9);
    expect(named(explanation, "A[0]").price).toBeCloseTo(-0.4, 9);
  });

  it("finds how far each bound may move until the binding constraints change, and which changes", () => {
    // on the line x2 = 1 - x1 the optimum without bounds is x1 = 1/3: h_0 binds up to there, and down to x1 >= 0
    const { range } = named(explanation, "G[0]");
    expect(range?.upper).toMatchObject({ constraint: "G[0]", change: "stops binding" });
    expect(range?.upper?.bound).toBeCloseTo(1 / 3, 8);
    expect(range?.lower).toMatchObject({ constraint: "G[2]", change: "starts to bind" });
    expect(range?.lower?.bound).toBeCloseTo(0, 8);
    const equality = named(explanation, "A[0]").range;
    expect([equality?.lower?.bound, equality?.upper?.bound]).toEqual([
      expect.closeTo(0.8, 8), // lambda = 0.8 - (2 - 2 x2) vanishes
      expect.closeTo(3.2, 8), // x2 = b - 0.2 reaches 3
    ]);
  });

  it("gives the slack of the others, the nearest to binding first", () => {
    expect(explanation.slack.map(({ constraint }) => constraint)).toEqual(["G[2]", "G[1]"]);
    expect(explanation.slack[0].slack).toBeCloseTo(0.2, 9);
    expect(explanation.slack[1]).toMatchObject({ bound: 3, slack: expect.closeTo(2.2, 9) });
    expect(explanation.slack[1].relativeSlack).toBeCloseTo(2.2 / 3, 9);
  });

  it("prints it as a table", () => {
    const [title, , head, first] = formatExplanation(explanation).split("\n");
    expect(title).toBe("2 of 4 constraints bind (solved, objective -1.14)");
    expect(head).toMatch(/^binding +dual +objective +while the bound is in +below it +above it$/);
    expect(first).toMatch(
      /^A\[0\] = 1 +0\.4 +falls by 0\.4 per b\[0\] +\[0\.8, 3\.2\] +G\[0\] <= stops binding +G\[1\] <= starts to bind$/,
    );
  });

  it("takes the names of the caller", () => {
    const problem = quadraticProgram(small);
    const names = { equalities: ["budget"], inequalities: ["cap", "roof", "floor"] };
    const text = formatExplanation(explain(problem, exact.solve(problem), { names }));
    expect(text).toContain("budget = 1");
    expect(text).toContain("floor <= starts to bind");
  });
});

/** The bound's datum with one entry changed. */
function withBound(problem: QuadraticProgram, { datum, index }: BindingConstraint, bound: number): QuadraticProgram {
  const name = datum === "b" ? "b" : "h";
  const values = problem[name].values.slice();
  values[index] = bound;
  return { ...problem, [name]: { ...problem[name], values } };
}

const bindingSet = ({ binding }: Explanation) =>
  binding
    .map(({ constraint }) => constraint)
    .sort()
    .join();

describe.each([1, 2, 3, 4, 5, 6])("explain on random QP %i", (seed) => {
  const problem = randomProgram({ n: 8, p: 2, m: 12, seed });
  const explanation = solved(problem);

  it("gives the price that solving again finds", () => {
    for (const row of explanation.binding) {
      const step = 1e-5;
      const value = (bound: number) => exact.solve(withBound(problem, row, bound)).objective[0];
      const slope = (value(row.bound + step) - value(row.bound - step)) / (2 * step);
      expect(row.price).toBeCloseTo(slope, 6);
    }
  });

  it("gives the range inside which the same constraints bind, and beyond which the named one has changed", () => {
    let ends = 0;
    for (const row of explanation.binding) {
      for (const end of [row.range?.lower, row.range?.upper]) {
        if (!end) continue;
        ends++;
        const beyond = (share: number) => solved(withBound(problem, row, row.bound + share * (end.bound - row.bound)));
        expect(bindingSet(beyond(0.999))).toBe(bindingSet(explanation));
        const after = beyond(1.001);
        if (after.conflict) continue; // the constraint that would bind leaves nothing feasible
        const binds = after.binding.some(({ constraint }) => constraint === end.constraint);
        expect(binds).toBe(end.change === "starts to bind");
      }
    }
    expect(ends).toBeGreaterThan(0);
  });
});

describe("explain on problems without a solution", () => {
  const contradictory = { ...small, h: [0.2, 0.3, 0] };

  it("names the rows in conflict, and how far they are apart", () => {
    const { conflict, binding, objective } = explained(contradictory);
    expect({ binding, objective }).toEqual({ binding: [], objective: null });
    expect(conflict?.shortfall).toBeCloseTo(0.5, 6);
    expect(conflict?.rows.map(({ constraint }) => constraint).sort()).toEqual(["A[0]", "G[0]", "G[1]"]);
    const bound = conflict?.rows.find(({ constraint }) => constraint === "A[0]");
    expect(bound?.relaxation).toBeCloseTo(-0.5, 6);
  });

  it("gives the least change of one bound that makes the problem feasible", () => {
    const { conflict } = explained(contradictory);
    const relaxation = conflict?.rows.find(({ constraint }) => constraint === "G[1]")?.relaxation ?? 0;
    const at = (share: number) => explained({ ...contradictory, h: [0.2, 0.3 + share * relaxation, 0] }).status;
    expect(at(0.99)).toBe("primal_infeasible");
    expect(at(1.01)).toBe("solved");
  });

  it("gives the direction along which the objective falls, and how fast", () => {
    const unbounded = { Q: [[1, 0], [0, 0]], q: [-1, -2], G: [[1, 0]], h: [0.2] }; // biome-ignore format: a matrix
    const { descent, status } = explained(unbounded);
    expect(status).toBe("dual_infeasible");
    expect(descent?.direction).toEqual([{ variable: "x[1]", component: expect.closeTo(1, 9) }]);
    expect(descent?.slope).toBeCloseTo(-2, 9);
    expect(formatExplanation(explained(unbounded))).toContain("falls by 2 for each unit along this direction");
  });

  it("says of an item that did not converge that this is no solution", () => {
    const problem = quadraticProgram(small);
    const { notes, status } = explain(problem, interiorPoint({ maxIterations: 1 }).solve(problem));
    expect(status).toBe("max_iterations");
    expect(notes.join()).toMatch(/no solution/);
  });
});

describe("explain on the items of a batch", () => {
  const problem = quadraticProgram({ ...small, h: [[0.2, 3, 0], [1, 0.5, 0]] }); // biome-ignore format: a matrix
  const solution = exact.solve(problem);

  it("explains the item that it is asked for", () => {
    expect(bindingSet(explain(problem, solution))).toBe("A[0],G[0]");
    expect(bindingSet(explain(problem, solution, { item: 1 }))).toBe("A[0],G[1]");
  });

  it.each([2, -1, 0.5])("refuses item %d of two", (item) => {
    expect(() => explain(problem, solution, { item })).toThrow(OptionError);
  });
});

describe("explain on other kinds of problems", () => {
  it("prices the total and the upper bounds of a simplex as solving again does", () => {
    const data = { y: [1, 0.5, -2, 0.3], u: [0.6, 1, 1, 1], total: 1.1 };
    const solve = (changed: SparsemaxData) => {
      const problem = sparsemaxProblem(changed);
      return { problem, solution: simplexProjection().solve(problem) };
    };
    const { problem, solution } = solve(data);
    const explanation = explain(problem, solution);
    expect(bindingSet(explanation)).toBe("sum x,x[0],x[2]");
    const value = (changed: SparsemaxData) => solve(changed).solution.objective[0];
    const slope = (value({ ...data, total: 1.1 + 1e-5 }) - value({ ...data, total: 1.1 - 1e-5 })) / 2e-5;
    expect(named(explanation, "sum x").price).toBeCloseTo(slope, 8);
    const u = (step: number) => ({ ...data, u: [0.6 + step, 1, 1, 1] });
    expect(named(explanation, "x[0]").price).toBeCloseTo((value(u(1e-5)) - value(u(-1e-5))) / 2e-5, 8);
  });

  it("prices the constraints of any convex program as solving again does, in every item of a batch", () => {
    const at = (b: number, h: number) =>
      convexProgram({
        objective: (x, c) => x.sub(c).square().square().sum(-1).add(x.square().sum(-1).mul(0.5)),
        theta: [tensor([[1, 2, 0.5], [0.3, 1.5, 1]])], // biome-ignore format: a matrix
        A: [[1, 1, 1]],
        b: [[1], [b]],
        G: [[0, 1, 0]],
        h: [h],
        batch: 2,
      });
    const solver = convexInteriorPoint({ tolerance: 1e-11 });
    const explanation = explain(at(1, 0.4), solver.solve(at(1, 0.4)), { item: 1 });
    const value = (b: number, h: number) => solver.solve(at(b, h)).objective[1];
    expect(bindingSet(explanation)).toBe("A[0],G[0]");
    expect(named(explanation, "A[0]").price).toBeCloseTo((value(1 + 1e-5, 0.4) - value(1 - 1e-5, 0.4)) / 2e-5, 6);
    expect(named(explanation, "G[0]").price).toBeCloseTo((value(1, 0.4 + 1e-5) - value(1, 0.4 - 1e-5)) / 2e-5, 6);
    expect(named(explanation, "G[0]").range?.upper?.change).toBe("stops binding");
  });

  it("prices the equations and bounds of a box projection as solving again does", () => {
    const at = (b: number, upper: number) =>
      boxProjection({ y: [1, 0.5, -2], A: [[1, 2, 1]], b: [b], lower: [-1, -1, -1], upper: [upper, 1, 1] });
    const solver = semismoothNewton();
    const value = (b: number, upper: number) => solver.solve(at(b, upper)).objective[0];
    const explanation = explain(at(1, 0.5), solver.solve(at(1, 0.5)));
    expect(bindingSet(explanation)).toBe("A[0],x[0],x[2]");
    expect(named(explanation, "A[0]").price).toBeCloseTo((value(1 + 1e-5, 0.5) - value(1 - 1e-5, 0.5)) / 2e-5, 8);
    expect(named(explanation, "x[0]").price).toBeCloseTo((value(1, 0.5 + 1e-5) - value(1, 0.5 - 1e-5)) / 2e-5, 8);
    const { range } = named(explanation, "x[0]");
    expect(range?.upper).not.toBeNull();
  });

  it("finds the equation of a box projection that its bounds contradict", () => {
    const problem = boxProjection({ y: [1, 2], A: [[1, 1]], b: [4], lower: [0, 0], upper: [1, 2] });
    const { conflict } = explain(problem, semismoothNewton().solve(problem));
    expect(conflict?.rows.map(({ constraint }) => constraint)).toEqual(["A[0]", "x[0]", "x[1]"]);
    expect(conflict?.shortfall).toBeCloseTo(1, 9);
  });

  it("explains an item of a batch of sparse QPs", () => {
    const data = { q: [[-1, 0], [0, -1]], lower: [0, 0], upper: [2, 3] }; // biome-ignore format: a matrix
    const problem = sparseQuadraticBatch(data);
    const solution = sparseBatchSolver(sparseInteriorPoint()).solve(problem);
    const [first, second] = [0, 1].map((item) => named(explain(problem, solution, { item }), `x[${item}]`));
    expect([first.bound, first.price, second.bound, second.price]).toEqual([
      2,
      expect.closeTo(-1, 8),
      3,
      expect.closeTo(-1, 8),
    ]);
  });

  it("finds the two bounds of a simplex that cross", () => {
    const problem = sparsemaxProblem({ y: [1, 2], u: [-0.25, 3] });
    const { conflict } = explain(problem, simplexProjection().solve(problem));
    expect(conflict?.rows.map(({ constraint, relation }) => `${constraint} ${relation}`)).toEqual([
      "x[0] >=",
      "x[0] <=",
    ]);
    expect(conflict?.shortfall).toBeCloseTo(0.25, 12);
  });

  it("prices the constraints of an entropy program as solving again does", () => {
    const data = (b: number, h: number) =>
      entropyProgram({ y: [1, 0.5, -2], A: [[1, 1, 1]], b: [b], G: [[1, 0, 0]], h: [h] });
    const solver = entropicInteriorPoint({ tolerance: 1e-12 });
    const explanation = explain(data(1, 0.3), solver.solve(data(1, 0.3)));
    const value = (b: number, h: number) => solver.solve(data(b, h)).objective[0];
    expect(named(explanation, "A[0]").price).toBeCloseTo((value(1 + 1e-5, 0.3) - value(1 - 1e-5, 0.3)) / 2e-5, 6);
    expect(named(explanation, "G[0]").price).toBeCloseTo((value(1, 0.3 + 1e-5) - value(1, 0.3 - 1e-5)) / 2e-5, 6);
    expect(explanation.notes.join()).toMatch(/not quadratic/);
  });
});

const afiro = dataFile("netlib_lp/afiro.mps");
const galenet = dataFile("netlib_lp/galenet.mps");

const readProgram = (file: string) => {
  const names = readMps(readFileSync(file, "utf8"));
  return { names, problem: sparseQuadraticProgram(names.data) };
};

describe.skipIf(afiro === null)("explain on the linear program afiro", () => {
  const { names, problem } = readProgram(afiro ?? "");
  const solver = sparseInteriorPoint();
  const explanation = explain(problem, solver.solve(problem), { names });

  const moved = ({ datum, index }: BindingConstraint, bound: number): SparseQuadraticProgram => {
    const values = problem[datum as "b" | "u" | "lower"].slice();
    values[index] = bound;
    return { ...problem, [datum]: values };
  };

  it("finds the names and prices of the file's rows, which hold over the whole of their ranges", () => {
    const rows = explanation.binding.filter(
      ({ range, price }) => range?.lower && range.upper && range.lower !== range.upper && Math.abs(price) > 0.1,
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) {
      const [from, to] = [row.range?.lower?.bound ?? 0, row.range?.upper?.bound ?? 0];
      const [low, high] = [0.99, 0.01].map((share) => share * from + (1 - share) * to);
      const value = (bound: number) => solver.solve(moved(row, bound)).objective;
      expect((value(high) - value(low)) / (high - low), row.constraint).toBeCloseTo(row.price, 5);
    }
    expect(explanation.binding.map(({ constraint }) => constraint)).toContain("X05");
  });
});

describe("explain where binding constraints depend on each other", () => {
  it("says that a bound cannot move alone, and that its price is not unique", () => {
    const twice = explained({ Q: [[1]], q: [-1], G: [[1], [2]], h: [0.5, 1] });
    expect(bindingSet(twice)).toBe("G[0],G[1]");
    for (const { range, bound } of twice.binding)
      expect([range?.lower?.bound, range?.upper?.bound]).toEqual([bound, bound]);
    expect(twice.notes.join()).toMatch(/2 bounds cannot move alone/);
  });
});

describe.skipIf(galenet === null)("explain on the infeasible network galenet", () => {
  it("finds the rows of the network in which demand outweighs the capacity", () => {
    const { names, problem } = readProgram(galenet ?? "");
    const { conflict } = explain(problem, sparseInteriorPoint().solve(problem), { names });
    expect(conflict?.rows.map(({ constraint }) => constraint).sort()).toEqual([
      "D7",
      "D8",
      "NODE5",
      "T25",
      "T35",
      "T47",
    ]);
    // demands of 20 and 30 against capacities of 10, 10 and 2
    expect(conflict?.shortfall).toBeCloseTo(28, 4);
  });
});

describe("explain on a sparse QP whose bounds cross", () => {
  it("names the row whose lower bound is above its upper one", () => {
    const problem = sparseQuadraticProgram({ q: [1, 1], lower: [0, 2], upper: [1, 1.5] });
    const { conflict } = explain(problem, sparseInteriorPoint().solve(problem));
    expect(conflict?.rows.map(({ constraint, bound }) => [constraint, bound])).toEqual([
      ["x[1]", 2],
      ["x[1]", 1.5],
    ]);
    expect(conflict?.shortfall).toBeCloseTo(0.5, 12);
  });
});
