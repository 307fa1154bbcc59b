import { grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  affine,
  ball,
  box,
  type ConvexSet,
  convexLayer,
  DatumRangeError,
  DatumTypeError,
  OptimizationError,
  projectedGradient,
  quadraticLayer,
  type SetDatumName,
  type SetProgramData,
  setImplicit,
  setLayer,
  setProgram,
  setUnrolled,
  simplex,
  solutionJacobian,
} from "../../src/index.ts";
import { identity, inner, normals, relativeError } from "../random-programs.ts";

const n = 5;
const leaf = (values: number | number[] | number[][]) => tensor(values, { requiresGrad: true });

/** log sum exp(Cx + d) + 1/2 w |x|^2, of one x or of a batch. */
function objective(x: Tensor, C: Tensor, d: Tensor): Tensor {
  const rows = x.rank === 1 ? C.matmul(x) : x.matmul(C.transpose());
  return rows.add(d).exp().sum(-1).log().add(x.square().sum(-1).mul(0.25));
}

function randomTheta(seed: number): [Tensor, Tensor] {
  const next = normals(seed);
  const C = Array.from({ length: 2 }, () => Array.from({ length: n }, next));
  return [leaf(C), leaf(Array.from({ length: 2 }, next))];
}

const sets: [string, Tensor[], (...parameters: Tensor[]) => ConvexSet][] = [
  ["box", [leaf([-0.3, 0, -0.2, 0.1, -0.5]), leaf([0.2, 0.4, 0.1, 0.6, 0.3])], (l, u) => box(l, u)],
  ["simplex", [leaf(1), leaf([0.4, 0.3, 0.5, 0.35, 0.45])], (total, u) => simplex(total, u)],
  ["ball", [leaf(0.4), leaf([0.3, 0.2, -0.3, 0.5, 0.4])], (radius, center) => ball(radius, center)],
  ["affine", [leaf([[1, -2, 0.5, 1, 0.3]]), leaf([0.7])], (A, b) => affine(A, b)],
];

describe.each(sets)("setLayer on a %s", (_name, parameters, set) => {
  const theta = randomTheta(17);
  const layer = (differentiation = setImplicit()) => {
    return (C: Tensor, d: Tensor, ...own: Tensor[]) =>
      setLayer(
        { objective, theta: [C, d], set: set(...own), n },
        { solver: projectedGradient({ tolerance: 1e-13 }), differentiation },
      ).x;
  };

  it("passes gradcheck of both orders in theta and in the set's parameters", () => {
    const cubic = (...inputs: [Tensor, Tensor, ...Tensor[]]) =>
      layer()(...inputs)
        .pow(3)
        .sum();
    gradcheck(cubic as (...inputs: Tensor[]) => Tensor, [...theta, ...parameters], { order: 2, tolerance: 1e-6 });
  });

  it("has by unrolling the gradient that it has implicitly", () => {
    const program = setProgram({ objective, theta, set: set(...parameters), n });
    const solution = projectedGradient({ tolerance: 1e-13 }).solve(program);
    const cotangent = { x: Float64Array.from({ length: n }, normals(4)) };
    const own = setImplicit().vjp(program, solution, cotangent);
    for (const accelerated of [true, false]) {
      const unrolled = setUnrolled({ accelerated }).vjp(program, solution, cotangent);
      expect(unrolled.report.notes).toEqual([]);
      for (const name of program.names) {
        expect(relativeError(unrolled.gradients[name] ?? [], own.gradients[name] ?? []), name).toBeLessThan(1e-8);
      }
    }
  });

  it("has a JVP that is the transpose of the VJP to 1e-10, by both rules", () => {
    const program = setProgram({ objective, theta, set: set(...parameters), n });
    const solution = projectedGradient({ tolerance: 1e-13 }).solve(program);
    const next = normals(5);
    const cotangent = { x: Float64Array.from({ length: n }, next) };
    const tangents = Object.fromEntries(
      program.names.map((name) => [name, Float64Array.from({ length: program[name].values.length }, next)]),
    );
    for (const rule of [setImplicit(), setUnrolled({ iterations: 60 })]) {
      const { gradients } = rule.vjp(program, solution, cotangent);
      const there = inner(cotangent.x, rule.jvp?.(program, solution, tangents).tangent.x ?? []);
      const back = program.names.reduce((sum, name) => sum + inner(gradients[name] ?? [], tangents[name]), 0);
      expect(Math.abs(there - back), rule.name).toBeLessThan(1e-10 * Math.abs(back));
    }
  });
});

describe("setLayer", () => {
  const theta = randomTheta(23);

  it("agrees with convexLayer on a box", () => {
    const rows = identity(n, -1).concat(identity(n));
    const own = setLayer({ objective, theta, set: box(-0.2, 0.3), n });
    const convex = convexLayer({
      objective,
      theta,
      G: rows,
      h: [...new Array(n).fill(0.2), ...new Array(n).fill(0.3)],
    });
    expect(relativeError(own.x.data(), convex.x.data())).toBeLessThan(1e-7);
  });

  it("agrees with quadraticLayer in a batch, and gives its gradients of Q and q", () => {
    const next = normals(9);
    const Q = leaf([
      [2, 0.5, 0, 0, 0.1],
      [0.5, 1, 0.3, 0, 0],
      [0, 0.3, 3, 0.2, 0],
      [0, 0, 0.2, 1.5, 0.4],
      [0.1, 0, 0, 0.4, 2],
    ]);
    const q = leaf([Array.from({ length: n }, next), Array.from({ length: n }, next)]);
    const weights = tensor([Array.from({ length: n }, next), Array.from({ length: n }, next)]);
    const gradients = (x: Tensor) => {
      [Q.grad, q.grad] = [null, null];
      x.mul(weights).sum().backward();
      return [Q, q].map((value) => [...((value.grad as Tensor | null)?.data() ?? [])]);
    };
    const own = setLayer({ Q, q, set: box(-0.2, 0.3) }, { solver: projectedGradient({ tolerance: 1e-13 }) });
    const found = gradients(own.x);
    const rows = identity(n, -1).concat(identity(n));
    const h = [...new Array(n).fill(0.2), ...new Array(n).fill(0.3)];
    const expected = gradients(quadraticLayer({ Q, q, G: rows, h }).x);
    found.forEach((gradient, k) => {
      expect(relativeError(gradient, expected[k])).toBeLessThan(1e-7);
    });
  });

  it("has a Jacobian, whose rows are VJPs and whose columns are JVPs", () => {
    const program = setProgram({ Q: identity(3, 2), q: [1, -3, 0.5], set: simplex() });
    const solution = projectedGradient({ tolerance: 1e-13 }).solve(program);
    const { values, shape } = solutionJacobian<SetDatumName, typeof program>(setImplicit(), program, solution, "q");
    expect(shape).toEqual([1, 3, 3]);
    // x = (q3, q2 free): dx = -(I - 11'/2) dq / 2 on the free entries 2 and 3 where both are positive
    expect(
      relativeError(values, solution.x[2] > 0 ? [0, 0, 0, 0, -0.25, 0.25, 0, 0.25, -0.25] : new Array(9).fill(0)),
    ).toBeLessThan(1e-9);
  });

  it("needs the square root of the iterations as memory when it unrolls", () => {
    const next = normals(31);
    const program = setProgram({ Q: identity(40), q: Float64Array.from({ length: 40 }, next), set: ball(1) });
    const solution = projectedGradient().solve(program);
    const cotangent = { x: new Float64Array(40).fill(1) };
    const bytes = [100, 1600].map((iterations) => {
      return setUnrolled({ iterations, accelerated: false }).vjp(program, solution, cotangent).report.peakBytes;
    });
    // sixteen times the iterations: four times the states, where keeping all would take sixteen times
    expect(bytes[1] / bytes[0]).toBeLessThan(6);
  });

  it("keeps float32", () => {
    const q = tensor(Float32Array.of(1, -2), { requiresGrad: true });
    const { x } = setLayer({
      Q: [
        [1, 0],
        [0, 1],
      ],
      q,
      set: box(-0.5, 5),
    });
    expect(x.dtype).toBe("float32");
    x.sum().backward();
    expect(q.grad?.add(0).toArray()).toEqual([0, -1]);
  });

  it("masks the items whose set is empty, and raises for them otherwise", () => {
    const q = leaf([
      [1, 2],
      [3, 4],
    ]);
    const data: SetProgramData = { Q: identity(2), q, set: ball([1, -1]) };
    expect(() => setLayer(data)).toThrow(OptimizationError);
    const { x, solution } = setLayer(data, { onFailure: "mask" });
    expect(solution.status).toEqual(["solved", "primal_infeasible"]);
    x.sum().backward();
    expect(q.grad?.slice(0, 1, 2).add(0).toArray()).toEqual([[0, 0]]);
    expect(
      q.grad
        ?.slice(0, 0, 1)
        .data()
        .some((value: number) => value !== 0),
    ).toBe(true);
  });

  it("refuses bad data by an error that names them", () => {
    expect(() => setLayer({ set: box(0), n: 2 })).toThrow(DatumTypeError);
    expect(() => setLayer({ objective, theta: [...theta], set: box(0) })).toThrow("n is missing");
    expect(() => setLayer({ Q: identity(2), q: [1, 2], set: "box" as unknown as ConvexSet })).toThrow(
      "option set is box",
    );
    expect(() =>
      setLayer({
        Q: [
          [1, 2],
          [0, 1],
        ],
        q: [1, 2],
        set: box(0),
      }),
    ).toThrow(DatumRangeError);
    expect(() => setLayer({ Q: identity(2), q: [1, 2], set: box([0, 0, 0]) })).toThrow("set.lower has shape (3)");
  });

  it("does not start from what is of another shape or not finite", () => {
    const data: SetProgramData = { Q: identity(2), q: [-1, -3], set: box(0, 2) };
    const { solution } = setLayer(data);
    const other = setLayer({ Q: [[1]], q: [-1], set: box(0) }).solution;
    for (const warmStart of [other, { ...solution, x: Float64Array.of(Number.NaN, 1) }]) {
      expect(relativeError(setLayer(data, { warmStart }).x.data(), [1, 2])).toBeLessThan(1e-9);
    }
  });

  it("ends at an objective that is not finite instead of shortening its step for ever", () => {
    const objective = (x: Tensor) => x.square().sum().add(x.sub(1).log().sum());
    const { solution } = setLayer({ objective, set: box(0, 2), n: 2 }, { onFailure: "mask" });
    expect(solution.status).toEqual(["numerical_error"]);
  });

  it.each([1e-12, 1e-6, 1, 1e6, 1e12])(
    "has the same gradient where it is recorded, in objectives of size %d",
    (size) => {
      const Q = leaf(
        [
          [2, 0.3, 0],
          [0.3, 1, 0.1],
          [0, 0.1, 3],
        ].map((row) => row.map((entry) => size * entry)),
      );
      const q = leaf([-3, -0.4, -2].map((entry) => size * entry));
      const upper = leaf([1, 1, 1]);
      expectSameWhenRecorded([Q, q, upper], () => setLayer({ Q, q, set: box(0, upper) }).x);
    },
  );

  it("has the same one-sided gradient where it is recorded: what is on a bound without force counts as free", () => {
    const Q = leaf([
      [2, 0.3, 0],
      [0.3, 1, 0.1],
      [0, 0.1, 3],
    ]);
    const [q, upper] = [leaf([-2.3, -1.4, -3.1]), leaf([1, 1, 1])];
    expectSameWhenRecorded([Q, q, upper], () => setLayer({ Q, q, set: box(0, upper) }).x);
  });
});

function expectSameWhenRecorded(inputs: Tensor[], layer: () => Tensor): void {
  const loss = () =>
    layer()
      .mul(tensor([1, -0.6, 0.3]))
      .sum();
  const first = grad(loss(), inputs);
  grad(loss(), inputs, { createGraph: true }).forEach((recorded, k) => {
    const difference = Math.max(...recorded.sub(first[k]).abs().data());
    expect(difference).toBeLessThanOrEqual(1e-12 * Math.max(...first[k].abs().data()));
  });
}
