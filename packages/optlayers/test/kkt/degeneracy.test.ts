import { describe, expect, it } from "vitest";
import {
  admm,
  degeneracyOf,
  interiorPoint,
  type QuadraticProgramData,
  quadraticLayer,
  quadraticProgram,
  softmaxLayer,
} from "../../src/index.ts";
import { identity, randomProgram } from "../random-programs.ts";

function seen(data: QuadraticProgramData, solver = interiorPoint()) {
  return quadraticLayer(data, { solver }).solution.degeneracy;
}

const free = { equalities: [], inequalities: [] };

describe("solution.degeneracy", () => {
  it("is null at an ordinary solution, by either solver", () => {
    const data = {
      Q: identity(3),
      q: [-1, 0.2, 0],
      A: [[1, 1, 1]],
      b: [0.5],
      G: [
        [1, 0, 0],
        [0, 1, 0],
      ],
      h: [0.2, 3],
    };
    expect(seen(data)).toEqual([null]);
    expect(seen(data, admm({ tolerance: 1e-10 }))).toEqual([null]);
  });

  it("names weakly active rows", () => {
    // the unconstrained minimum lies on the second bound
    const data = {
      Q: identity(2),
      q: [-1, -2],
      G: [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      h: [5, 2, 9],
    };
    expect(seen(data)).toEqual([{ weaklyActive: [1], dependent: free, rank: 0, unique: true, vertex: false }]);
  });

  it("names the later of duplicate rows, and redundant equalities", () => {
    const duplicate = {
      Q: identity(3),
      q: [-3, -3, 0],
      G: [
        [1, 1, 0],
        [0, 0, 1],
        [2, 2, 0],
      ],
      h: [1, 5, 2],
    };
    expect(seen(duplicate)[0]).toMatchObject({
      dependent: { equalities: [], inequalities: [2] },
      rank: 1,
      unique: true,
    });
    const redundant = {
      Q: identity(3),
      q: [1, 2, 3],
      A: [
        [1, 1, 0],
        [0, 1, 1],
        [1, 2, 1],
      ],
      b: [1, 2, 3],
    };
    expect(seen(redundant)[0]).toMatchObject({
      dependent: { equalities: [2], inequalities: [] },
      rank: 2,
      vertex: false,
    });
  });

  it("says that x is not unique where Q and the active rows leave a direction", () => {
    const flat = {
      Q: [
        [1, 0],
        [0, 0],
      ],
      q: [-1, 0],
      G: [
        [0, 1],
        [0, -1],
      ],
      h: [1, 1],
    };
    expect(seen(flat)[0]).toMatchObject({ unique: false, vertex: false });
    const held = { ...flat, q: [-1, 1] };
    expect(seen(held)).toEqual([null]);
  });

  it("says that x is at a vertex, of a linear program and of a QP", () => {
    const box = {
      q: [1, -1],
      G: [
        [1, 0],
        [0, 1],
        [-1, 0],
        [0, -1],
      ],
      h: [1, 1, 0, 0],
    };
    const atVertex = { weaklyActive: [], dependent: free, rank: 2, unique: true, vertex: true };
    expect(
      seen({
        Q: [
          [0, 0],
          [0, 0],
        ],
        ...box,
      }),
    ).toEqual([atVertex]);
    expect(
      seen({
        Q: [
          [0.1, 0],
          [0, 0.1],
        ],
        ...box,
      }),
    ).toEqual([atVertex]);
  });

  it("sees each item of a batch by itself, and nothing in one that failed", () => {
    const G = [
      [1, 0],
      [-1, 0],
    ];
    const data = {
      Q: identity(2),
      q: [
        [-2, 0],
        [-1, 0],
        [0, 0],
      ],
      G,
      h: [
        [1, 0],
        [1, 0],
        [-1, 0],
      ],
    };
    const { solution } = quadraticLayer(data, { onFailure: "mask" });
    expect(solution.degeneracy).toEqual([null, expect.objectContaining({ weaklyActive: [0] }), null]);
  });

  it("sees entropy programs: x is always unique, and may be fixed by its equalities", () => {
    const { solution } = softmaxLayer({
      y: [1, 2],
      A: [
        [1, 1],
        [1, -1],
      ],
      b: [1, 0.5],
    });
    expect(solution.degeneracy).toEqual([{ weaklyActive: [], dependent: free, rank: 2, unique: true, vertex: true }]);
    const ordinary = softmaxLayer({ y: [1, 2, 0], A: [[1, 1, 1]], b: [1], G: [[1, 0, 0]], h: [0.1] });
    expect(ordinary.solution.degeneracy).toEqual([null]);
  });

  it("is worked out when it is asked for, once, and copying the solution does not ask", () => {
    const problem = randomProgram({ n: 4, p: 1, m: 2, seed: 3 });
    const { solution } = quadraticLayer({ Q: identity(2), q: [1, 2] });
    expect(Object.keys(solution)).not.toContain("degeneracy");
    expect(solution.degeneracy).toBe(solution.degeneracy);
    expect("degeneracy" in { ...solution }).toBe(false);
    expect(degeneracyOf(problem, interiorPoint().solve(problem))).toEqual([null]);
  });

  it("is there on the solvers' own solutions", () => {
    const problem = quadraticProgram({ Q: [[1]], q: [-1], G: [[1]], h: [1] });
    for (const solver of [interiorPoint(), admm({ tolerance: 1e-12 })]) {
      expect(solver.solve(problem).degeneracy?.[0]).toMatchObject({ unique: true });
    }
  });

  it("sees bounds of rows and of variables as what they are", () => {
    const Q = identity(3);
    const bounds = { lower: [0, -9, -9], upper: [9, 9, 9] };
    // x_0 rests on its lower bound without a force
    expect(quadraticLayer({ Q, q: [0, -1, 1], ...bounds }).solution.degeneracy).toEqual([
      { weaklyActive: [], weaklyActiveBounds: [0], dependent: free, rank: 0, unique: true, vertex: false },
    ]);
    // both rows say that x_1 + x_2 >= 1, and x_0 is held at 0
    const rows = {
      G: [
        [5, 1, 1],
        [0, 2, 2],
      ],
      l: [1, 2],
      u: [7, 7],
    };
    const { degeneracy } = quadraticLayer({ Q, q: [1, 0, 0.5], ...bounds, ...rows }).solution;
    expect(degeneracy[0]).toMatchObject({ dependent: { inequalities: [1] }, rank: 2, unique: true });
    const flat = [
      [1, 0, 0],
      [0, 0, 0],
      [0, 0, 1],
    ];
    expect(quadraticLayer({ Q: flat, q: [1, 0, 0.5], ...bounds }).solution.degeneracy[0]).toMatchObject({
      unique: false,
    });
    expect(quadraticLayer({ Q, q: [1, 0.2, 0.5], ...bounds }).solution.degeneracy).toEqual([null]);
  });

  it("sees a vertex of bounds alone, on which every row depends on the bounds", () => {
    const Q = identity(2, 0);
    const { degeneracy } = quadraticLayer({ Q, q: [-1, -0.5], lower: [0, 0], upper: [1, 2] }).solution;
    expect(degeneracy).toEqual([
      {
        weaklyActive: [],
        weaklyActiveBounds: [],
        dependent: { equalities: [], inequalities: [] },
        rank: 2,
        unique: true,
        vertex: true,
      },
    ]);
    const cut = quadraticLayer({ Q, q: [-1, -0.5], A: [[1, 1]], b: [3], lower: [0, 0], upper: [1, 2] }).solution;
    expect(cut.degeneracy[0]).toMatchObject({ vertex: true });
  });
});
