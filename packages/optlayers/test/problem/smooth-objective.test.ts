import { exp, log, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { SmoothObjective } from "../../src/index.ts";
import { normals } from "../random-programs.ts";

const n = 4;
const batch = 3;
const next = normals(5);
const numbers = (length: number) => Float64Array.from({ length }, next);
const x = numbers(batch * n);
const centers = numbers(batch * n);
const weights = numbers(n).map(Math.abs);

/** log sum exp(x - c) + sum w x^4, c of every item and w shared. */
const f = (at: Tensor, c: Tensor, w: Tensor) => log(exp(at.sub(c)).sum(-1)).add(at.square().square().mul(w).sum(-1));

const shape = { n, batch, batched: true };
const at = (c: Float64Array, w: Float64Array) =>
  new SmoothObjective(f, [tensor(c, { shape: [batch, n] }), tensor(w)], shape);
const objective = at(centers, weights);

const step = 1e-5;
const moved = (values: Float64Array, direction: Float64Array, t: number) => values.map((v, k) => v + t * direction[k]);
const slope = (g: (t: number) => Float64Array) => {
  const [above, below] = [g(step), g(-step)];
  return above.map((value, k) => (value - below[k]) / (2 * step));
};

function expectClose(actual: Float64Array, expected: Float64Array, digits = 7): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, k) => {
    expect(value).toBeCloseTo(expected[k], digits);
  });
}

describe("a smooth objective in Tensor ops", () => {
  it("has the gradient of its values", () => {
    const direction = numbers(batch * n);
    const differences = slope((t) => objective.value(moved(x, direction, t)));
    const { gradient, value } = objective.at(x);
    expectClose(value, objective.value(x), 14);
    for (let i = 0; i < batch; i++) {
      let product = 0;
      for (let j = i * n; j < (i + 1) * n; j++) product += gradient[j] * direction[j];
      expect(product).toBeCloseTo(differences[i], 7);
    }
  });

  it("has the Hessian of its gradient, of all items at once", () => {
    const direction = numbers(batch * n);
    const point = objective.at(x);
    const differences = slope((t) => objective.at(moved(x, direction, t)).gradient);
    expectClose(point.hessianProduct(direction), differences);
    const H = point.hessian();
    const product = direction.map((_, k) => {
      const [i, r] = [Math.floor(k / n), k % n];
      let sum = 0;
      for (let j = 0; j < n; j++) sum += H[(i * n + r) * n + j] * direction[i * n + j];
      return sum;
    });
    expectClose(product, differences);
  });

  it("has mixed derivatives that are those of the gradient in theta, and transposes of one another", () => {
    const u = numbers(batch * n);
    const dc = numbers(batch * n);
    const dw = numbers(n);
    const tangent = objective.mixedTangent(x, [dc, dw]);
    expectClose(
      tangent,
      slope((t) => at(moved(centers, dc, t), moved(weights, dw, t)).at(x).gradient),
    );
    const [c, w] = objective.mixed(x, u);
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k], 0);
    expect(dot(u, tangent)).toBeCloseTo(dot(c, dc) + dot(w, dw), 12);
    expectClose(
      objective.mixedTangent(x, [undefined, dw]),
      slope((t) => at(centers, moved(weights, dw, t)).at(x).gradient),
    );
  });

  it("keeps its derivatives when the caller overwrites the point", () => {
    const own = x.slice();
    const point = objective.at(own);
    own.fill(7);
    expect(point.hessian()).toEqual(objective.at(x).hessian());
  });

  it("takes theta in float32 and works in float64", () => {
    const single = new SmoothObjective(
      f,
      [tensor(Float32Array.from(centers), { shape: [batch, n] }), tensor(weights)],
      shape,
    );
    expectClose(single.value(x), objective.value(x), 5);
    expect(single.at(x).gradient).toBeInstanceOf(Float64Array);
  });

  it("is infinite outside its domain", () => {
    const barrier = new SmoothObjective((v) => log(v).sum(-1).neg(), [], { n: 2, batch: 2, batched: true });
    expect([...barrier.value(Float64Array.of(1, 1, -1, 1))]).toEqual([-0, Infinity]);
  });

  it("has a Hessian of zeros where f is linear, and a gradient of zeros where it is constant", () => {
    const single = { n: 2, batch: 1, batched: false };
    const linear = new SmoothObjective((v) => v.mul(tensor([2, 3])).sum(), [], single).at(Float64Array.of(1, 1));
    expect([...linear.gradient, ...linear.hessian()]).toEqual([2, 3, 0, 0, 0, 0]);
    const constant = new SmoothObjective(() => tensor(4), [tensor(1)], single);
    expect([...constant.at(Float64Array.of(1, 1)).gradient]).toEqual([0, 0]);
    expect([...constant.mixed(Float64Array.of(1, 1), Float64Array.of(1, 1))[0]]).toEqual([0]);
    expect([...constant.mixedTangent(Float64Array.of(1, 1), [Float64Array.of(1)])]).toEqual([0, 0]);
  });

  it("says what an objective of the wrong kind returned", () => {
    const bad = (g: unknown) => () =>
      new SmoothObjective(g as typeof f, [], { n: 2, batch: 3, batched: true }).value(new Float64Array(6));
    expect(bad(() => 3)).toThrow(/objective returned a Number, expected a Tensor of shape \(3\)/);
    expect(bad(() => undefined)).toThrow(/objective returned undefined/);
    expect(bad((v: Tensor) => v.sum())).toThrow(/objective returned shape \(\), expected .* for x of shape \(3, 2\)/);
    expect(bad((v: Tensor) => v.sum(-1).to("float32"))).toThrow(/objective returned float32/);
  });
});
