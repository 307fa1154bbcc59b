import { grad, gradcheck, type Tensor, tensor, vjp } from "@solvegrad/autograd";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  affine,
  ball,
  box,
  type ConvexSet,
  DatumRangeError,
  OptimizationError,
  projectionLayer,
  quadraticLayer,
  simplex,
} from "../../src/index.ts";
import { identity, inner, normals, relativeError } from "../random-programs.ts";

const n = 6;
const leaf = (values: number[] | number[][] | number) => tensor(values, { requiresGrad: true });
const A = [
  [1, -2, 0.5, 1, 0, 3],
  [0, 1, 1, -1, 2, 0.5],
];

interface Case {
  readonly name: string;
  readonly parameters: readonly Tensor[];
  readonly set: (...parameters: Tensor[]) => ConvexSet;
}

const cases: Case[] = [
  {
    name: "box",
    parameters: [leaf([-0.2, 0, -1, -0.5, -2, 0.1]), leaf([0.4, 0.3, 1, 0.5, 0.1, 0.6])],
    set: (lower, upper) => box(lower, upper),
  },
  {
    name: "simplex",
    parameters: [leaf(1), leaf([0.45, 0.3, 0.9, 0.5, 0.6, 0.4])],
    set: (total, u) => simplex(total, u),
  },
  {
    name: "ball",
    parameters: [leaf(0.9), leaf([0.1, 0.2, -0.3, 0, 0.4, 0])],
    set: (radius, center) => ball(radius, center),
  },
  { name: "affine", parameters: [leaf(A), leaf([0.5, -1])], set: (M, b) => affine(M, b) },
];

const z = leaf([0.7, -0.9, 0.35, 0.1, 0.45, -0.2]);

describe.each(cases)("the projection on a $name", ({ parameters, set }) => {
  it("is the nearest point: no other point of the set makes an angle with z - P(z) below a right one", () => {
    const { x } = projectionLayer(set(...parameters), z);
    const normal = z.sub(x).data();
    const next = normals(3);
    for (let k = 0; k < 50; k++) {
      const other = projectionLayer(
        set(...parameters),
        Float64Array.from({ length: n }, () => 2 * next()),
      ).x;
      expect(inner(normal, other.sub(x).data())).toBeLessThan(1e-12);
    }
    expect(relativeError(projectionLayer(set(...parameters), x).x.data(), x.data())).toBeLessThan(1e-13);
  });

  it("passes gradcheck of both orders in z and the set's parameters, one set and a batch", () => {
    const layer = (point: Tensor, ...own: Tensor[]) =>
      projectionLayer(set(...own), point)
        .x.pow(3)
        .sum();
    gradcheck(layer, [z, ...parameters], { order: 2, tolerance: 1e-7 });
    const points = tensor([[...z.data()], [...z.mul(-1.3).data()]], { requiresGrad: true });
    gradcheck(layer, [points, ...parameters], { order: 2, tolerance: 1e-7 });
  });

  it("has a symmetric derivative in z, which its plain numbers share with the tape", () => {
    const own = set(...parameters);
    const item = own.item(
      Object.fromEntries(Object.keys(own.parameters).map((name, k) => [name, Float64Array.from(parameters[k].data())])),
      n,
    );
    const point = Float64Array.from(z.data());
    const { apply, shrink } = item.tangent(point);
    const columns = Array.from({ length: n }, (_, j) => {
      const v = new Float64Array(n);
      v[j] = 1;
      const [back] = vjp((at) => projectionLayer(own, at).x, z).pullback(tensor(v));
      apply(v);
      expect(
        relativeError(
          v.map((value) => shrink * value),
          back.data(),
        ),
      ).toBeLessThan(1e-12);
      return back.data();
    });
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(columns[i][j]).toBeCloseTo(columns[j][i], 13);
    const x = new Float64Array(n);
    item.project(point, x);
    expect(relativeError(x, projectionLayer(own, z).x.data())).toBeLessThan(1e-13);
  });

  it("gives each item of a batch of sets what it gets alone", () => {
    const stacked = parameters.map((value) => tensor([value.toArray(), value.mul(1.1).toArray()] as never));
    const together = projectionLayer(set(...stacked), z).x;
    expect(together.shape).toEqual([2, n]);
    const second = projectionLayer(set(...parameters.map((value) => value.mul(1.1))), z).x;
    expect(relativeError(together.slice(0, 1, 2).data(), second.data())).toBeLessThan(1e-13);
  });

  it("keeps float32", () => {
    const narrow = (value: Tensor) => value.to("float32").detach();
    const { x } = projectionLayer(set(...parameters.map(narrow)), narrow(z));
    expect(x.dtype).toBe("float32");
    expect(relativeError(x.data(), projectionLayer(set(...parameters), z).x.data())).toBeLessThan(1e-6);
  });
});

describe("projectionLayer", () => {
  it("agrees with quadraticLayer on a box cut by nothing and on an affine set", () => {
    const c = tensor([1, -2, 0.5, 3, -1, 2]);
    const onBox = grad(projectionLayer(box(-0.1, 0.4), z).x.mul(c).sum(), [z])[0];
    const rows = identity(n, -1).concat(identity(n));
    const h = [...new Array(n).fill(0.1), ...new Array(n).fill(0.4)];
    const qp = quadraticLayer({ Q: identity(n), q: z.neg(), G: rows, h });
    expect(relativeError(onBox.data(), grad(qp.x.mul(c).sum(), [z])[0].data())).toBeLessThan(1e-8);
    const equations = { A: leaf(A), b: leaf([0.5, -1]) };
    const inputs = [z, equations.A, equations.b];
    const onPlane = grad(projectionLayer(affine(equations.A, equations.b), z).x.mul(c).sum(), inputs);
    const expected = grad(
      quadraticLayer({ Q: identity(n), q: z.neg(), ...equations })
        .x.mul(c)
        .sum(),
      inputs,
    );
    onPlane.forEach((gradient, k) => {
      expect(relativeError(gradient.data(), expected[k].data())).toBeLessThan(1e-9);
    });
  });

  it("takes numbers for whole vectors, and no bound where none is given", () => {
    expect(projectionLayer(box(0), [-1, 0.5, 7]).x.toArray()).toEqual([0, 0.5, 7]);
    expect(projectionLayer(simplex(), [0.75, 0.5, -1]).x.toArray()).toEqual([0.625, 0.375, 0]);
    expect(projectionLayer(ball(5), [6, 8]).x.toArray()).toEqual([3, 4]);
  });

  it("has a finite gradient wherever z is, on boundaries, vertices and in the center too", () => {
    const coordinate = fc.constantFrom(-1, 0, 0.5, 1, 1 / 3, 1e9);
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 3, maxLength: 3 }), fc.constantFrom(0, 0.5, 1), (at, size) => {
        const sets = [box(0, size), simplex(size, 1), ball(size), affine([[1, 1, 1]], [size])];
        for (const set of sets) {
          const point = leaf(at);
          const [gradient] = grad(projectionLayer(set, point).x.square().sum(), [point]);
          expect(gradient.data().every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["a box whose bounds cross", box([0, 1], [1, 0])],
    ["a ball of negative radius", ball(-1)],
    ["a simplex whose bounds sum to too little", simplex(1, 0.25)],
    [
      "equations that contradict each other",
      affine(
        [
          [1, 1],
          [2, 2],
        ],
        [1, 1],
      ),
    ],
  ])("raises for %s, and masks it", (_name, set) => {
    const point = leaf([1, 2]);
    expect(() => projectionLayer(set, point)).toThrow(OptimizationError);
    const { x, status } = projectionLayer(set, point, { onFailure: "mask" });
    expect(status).toEqual(["primal_infeasible"]);
    expect(x.toArray()).toEqual([0, 0]);
    expect(grad(x.square().sum(), [point])[0].toArray()).toEqual([0, 0]);
  });

  it.each([1e-200, 1e-12, 1e-6, 1, 1e12, 1e200])("draws points into a ball of size %d to all digits", (size) => {
    const [point, radius] = [leaf([3 * size, 4 * size]), leaf(size)];
    const { x } = projectionLayer(ball(radius), point);
    expect(relativeError(x.div(size).data(), [0.6, 0.8])).toBeLessThan(1e-15);
    const gradients = grad(x.sum(), [point, radius]);
    expect(relativeError(gradients[0].data(), [0.032, -0.024])).toBeLessThan(1e-14);
    expect(gradients[1].item()).toBeCloseTo(1.4, 14);
  });

  it("knows that a ball of radius 0 lets nothing move but its center", () => {
    const [point, center] = [leaf([1, 2]), leaf([1, 2])];
    const { x } = projectionLayer(ball(0, center), point);
    expect(grad(x.sum(), [point, center]).map((gradient) => gradient.toArray())).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it("is not called solved where its two forms, in Tensor ops and in plain numbers, are different points", () => {
    const own = box(0, 1);
    const wrong: ConvexSet = { ...own, project: (point) => point.mul(0) };
    expect(() => projectionLayer(wrong, [0.5, 2])).toThrow(OptimizationError);
    expect(projectionLayer(wrong, [0.5, 2], { onFailure: "mask" }).status).toEqual(["numerical_error"]);
    expect(projectionLayer(wrong, [-1, -2]).status).toEqual(["solved"]);
  });

  it("refuses bad data by an error that names them", () => {
    expect(() => projectionLayer(box([0, 0]), [1, 2, 3])).toThrow("lower has shape (2), expected (3)");
    expect(() => projectionLayer(ball(1), [1, Number.NaN])).toThrow(DatumRangeError);
    expect(() => projectionLayer(ball as unknown as ConvexSet, [1, 2])).toThrow("option set is a function");
    expect(() => projectionLayer(box(Infinity), [1, 2])).toThrow("lower is Infinity");
  });
});
