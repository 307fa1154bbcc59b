import { grad, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  type DatumName,
  datumNames,
  OptimizationError,
  OptionError,
  type QuadraticLayerOptions,
  quadraticLayer,
  softmaxLayer,
  sparsemaxLayer,
} from "../../src/index.ts";
import { identity, norm, normals, relativeError, uniforms } from "../random-programs.ts";

type Values = Record<DatumName, { values: Float64Array; shape: number[] }>;

/** Data whose constraints contradict each other, with strictly inactive rows and rows that bind without contradiction. */
function infeasible(n: number, p: number, m: number, seed: number): Values {
  const normal = normals(seed);
  const fill = (...shape: number[]) => ({
    values: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, normal),
    shape,
  });
  const Q = fill(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++)
      Q.values[i * n + j] = Q.values[j * n + i] = (Q.values[i * n + j] + Q.values[j * n + i]) / 8;
    Q.values[i * (n + 1)] = 3;
  }
  return { Q, q: fill(n), A: fill(p, n), b: fill(p), G: fill(m, n), h: fill(m) };
}

function layer(values: Values, options: QuadraticLayerOptions = { onFailure: "closest" }) {
  const data = Object.fromEntries(
    datumNames
      .filter((name) => values[name].values.length > 0)
      .map((name) => [name, tensor(values[name].values, { shape: [...values[name].shape], requiresGrad: true })]),
  ) as Record<DatumName, Tensor>;
  return { data, ...quadraticLayer(data, options) };
}

function lossOf({ x, nu, lambda, shift }: ReturnType<typeof layer>): Tensor {
  const parts = [x, nu, lambda, ...(shift ? [shift.b, shift.h] : [])];
  return parts
    .map((part, k) =>
      part
        .mul(
          tensor(
            Float64Array.from({ length: part.size }, (_, i) => Math.cos(i + 2 * k)),
            { shape: [...part.shape] },
          ),
        )
        .sum(),
    )
    .reduce((sum, part) => sum.add(part));
}

function worstError(values: Values, names: readonly DatumName[], step = 1e-5): number {
  const result = layer(values);
  const gradients = grad(
    lossOf(result),
    names.map((name) => result.data[name]),
  );
  let worst = 0;
  names.forEach((name, k) => {
    const differences = values[name].values.map((_, at) => {
      const moved = (t: number) => {
        const own = values[name].values.slice();
        const n = values.q.shape.at(-1) ?? 0;
        const mirror = Math.floor(at / (n * n)) * n * n + (at % n) * n + (Math.floor(at / n) % n);
        own[at] += name === "Q" ? t / 2 : t;
        if (name === "Q") own[mirror] += t / 2;
        return lossOf(layer({ ...values, [name]: { ...values[name], values: own } })).item();
      };
      return (moved(step) - moved(-step)) / (2 * step);
    });
    const error = norm(gradients[k].data().map((value, i) => value - differences[i]));
    worst = Math.max(worst, error / Math.max(1, norm(differences)));
  });
  return worst;
}

/** Infeasible data where the contradicting rows move. */
function found(n: number, p: number, m: number, wish: (result: ReturnType<typeof layer>) => boolean): Values {
  for (let seed = 1; ; seed++) {
    const values = infeasible(n, p, m, seed);
    const masked = layer(values, { onFailure: "mask" });
    if (masked.solution.status[0] !== "primal_infeasible") continue;
    if (wish(layer(values))) return values;
  }
}

const pointOf = ({ x, shift }: ReturnType<typeof layer>) => [
  ...x.data(),
  ...(shift?.b.data() ?? []),
  ...(shift?.h.data() ?? []),
];

/** The (x, t, r) that minimizes 1/2 x'Qx + q'x + price/2 |(t, r)|^2 subject to Ax - t = b, Gx - r <= h. */
function paidFor({ Q, q, A, b, G, h }: Values, price: number): number[] {
  const [n, p, m] = [q.values.length, b.values.length, h.values.length];
  const width = n + p + m;
  const wide = (rows: Float64Array, count: number, at: number) =>
    Array.from({ length: count }, (_, i) =>
      Array.from({ length: width }, (_, j) => (j < n ? rows[i * n + j] : j === at + i ? -1 : 0)),
    );
  const costs = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (_, j) => (i < n && j < n ? Q.values[i * n + j] : i === j && i >= n ? price : 0)),
  );
  const { x } = quadraticLayer({
    Q: costs,
    q: [...q.values, ...new Array(p + m).fill(0)],
    ...(p > 0 && { A: wide(A.values, p, n), b: b.values }),
    ...(m > 0 && { G: wide(G.values, m, n + p), h: h.values }),
  });
  return [...x.data()];
}

/** Two rows of one direction exclude each other, a third binds, a fourth does not; an equality holds. x is free otherwise. */
function opposed(): Values {
  for (let seed = 1; ; seed++) {
    const values = infeasible(5, 1, 4, seed);
    for (let j = 0; j < 5; j++) values.G.values[5 + j] = -values.G.values[j];
    values.h.values.set([-1, 0.4, 0, 9]);
    const result = layer(values);
    const [, , third, fourth] = result.lambda.data();
    if (movedRows(result) === 2 && isClear(result) && third > 0.05 && fourth === 0) return values;
  }
}

const present = (values: Values) => datumNames.filter((name) => values[name].values.length > 0);
const movedRows = ({ shift }: ReturnType<typeof layer>) =>
  [...(shift?.h.data() ?? [])].filter((value) => value > 0.05).length;
const isClear = ({ shift, lambda, solution }: ReturnType<typeof layer>) =>
  [...(shift?.h.data() ?? [])].every(
    (value, i) => value > 0.05 || Math.max(Math.abs(lambda.data()[i]), solution.s[i]) > 0.05,
  );

describe("onFailure: closest", () => {
  it("solves two bounds that contradict each other half way between", () => {
    const q = tensor([3, -1], { requiresGrad: true });
    const h = tensor([-1, -1], { requiresGrad: true });
    const { x, shift, solution } = quadraticLayer(
      {
        Q: identity(2),
        q,
        G: [
          [1, 0],
          [-1, 0],
        ],
        h,
      },
      { onFailure: "closest" },
    );
    expect([...x.data()]).toEqual([expect.closeTo(0, 12), expect.closeTo(1, 12)]);
    expect([...(shift?.h.data() ?? [])]).toEqual([expect.closeTo(1, 12), expect.closeTo(1, 12)]);
    expect(solution.status).toEqual(["primal_infeasible"]);
    const [ofq, ofh] = grad(x.sum(), [q, h]);
    expect([...ofq.data()]).toEqual([expect.closeTo(0, 10), expect.closeTo(-1, 10)]);
    expect([...ofh.data()]).toEqual([expect.closeTo(0.5, 10), expect.closeTo(-0.5, 10)]);
  });

  it("gives the differences of the whole map in all six data where contradicting rows fix x", () => {
    const values = found(2, 1, 5, (result) => movedRows(result) >= 2 && isClear(result));
    expect(worstError(values, present(values))).toBeLessThan(1e-6);
  });

  it("gives those in all data where equalities alone contradict each other", () => {
    const values = found(2, 3, 3, (result) => movedRows(result) === 0 && isClear(result));
    expect(worstError(values, present(values))).toBeLessThan(1e-6);
    const none = found(2, 3, 0, () => true);
    expect(worstError(none, present(none))).toBeLessThan(1e-6);
  });

  it("gives those in Q, q, b and h where contradicting rows leave x free, and other rows bind", () => {
    const values = opposed();
    expect(worstError(values, ["Q", "q", "b", "h"])).toBeLessThan(1e-6);
  });

  it("is the limit of paying for the shift, ever more dearly", () => {
    const values = found(3, 1, 6, (result) => movedRows(result) >= 2 && isClear(result));
    const distance = (price: number) => relativeError(paidFor(values, price), pointOf(layer(values)));
    expect(distance(1e4)).toBeLessThan(1e-2);
    expect(distance(1e6)).toBeLessThan(distance(1e4) / 50);
  });

  it("is that limit for random programs of all shapes, among them rows that oppose or repeat each other", () => {
    let infeasibleOnes = 0;
    for (let seed = 240; seed < 300; seed++) {
      const uniform = uniforms(seed);
      const [n, p, m] = [1 + Math.floor(5 * uniform()), Math.floor(4 * uniform()), Math.floor(9 * uniform())];
      const values = infeasible(n, p, m, seed);
      if (seed % 3 === 0 && m > 1) for (let j = 0; j < n; j++) values.G.values[n + j] = -values.G.values[j];
      if (seed % 3 === 0 && p > 1) for (let j = 0; j < n; j++) values.A.values[n + j] = values.A.values[j];
      const result = layer(values);
      if (result.solution.status[0] !== "primal_infeasible") continue;
      infeasibleOnes++;
      const point = pointOf(result);
      const error = norm(paidFor(values, 1e7).map((value, k) => value - point[k]));
      // the price leaves an error of the size of the multipliers over the price
      expect(error / Math.max(1, norm(point)), `seed ${seed}`).toBeLessThan(1e-3);
    }
    expect(infeasibleOnes).toBeGreaterThan(20);
  });

  it("takes the place of an item that any solver with certificates calls infeasible", () => {
    const values = opposed();
    const byAdmm = layer(values, { onFailure: "closest", solver: admm(), differentiation: alternating() });
    expect(byAdmm.solution.status).toEqual(["primal_infeasible"]);
    expect(relativeError(pointOf(byAdmm), pointOf(layer(values)))).toBeLessThan(1e-12);
  });

  it("has derivatives of its derivatives", () => {
    const values = found(2, 1, 5, (result) => movedRows(result) >= 2 && isClear(result));
    const slope = (b: Float64Array) => {
      const result = layer({ ...values, b: { ...values.b, values: b } });
      const [first] = grad(lossOf(result), [result.data.G], { createGraph: true });
      const value = first.square().sum();
      return { value: value.item(), ofb: grad(value, [result.data.b])[0].item() };
    };
    const at = (t: number) => slope(values.b.values.map((value) => value + t)).value;
    const difference = (at(1e-5) - at(-1e-5)) / 2e-5;
    expect(Math.abs(slope(values.b.values).ofb - difference)).toBeLessThan(1e-6 * Math.max(1, Math.abs(difference)));
  });

  it("is that of the smoothed problem where there is a smoothing", () => {
    const values = opposed();
    const curved = values.Q.values.map((value, k) => (k % 6 === 0 ? value + 2 : value));
    const direct = layer({ ...values, Q: { ...values.Q, values: curved } });
    const smoothed = layer(values, { onFailure: "closest", smoothing: { kind: "quadratic", weight: 2 } });
    expect(relativeError(smoothed.x.data(), direct.x.data())).toBeLessThan(1e-10);
    const [own, other] = [smoothed, direct].map((result) => grad(lossOf(result), [result.data.Q])[0].data());
    expect(relativeError(own, other)).toBeLessThan(1e-9);
    expect(relativeError(smoothed.x.data(), layer(values).x.data())).toBeGreaterThan(1e-3);
  });

  describe("in a batch", () => {
    const rows = {
      Q: identity(2),
      G: [
        [1, 0],
        [-1, 0],
        [0, 1],
      ],
    };
    const q = () =>
      tensor(
        [
          [-2, 0.5],
          [-0, -3],
          [0.1, 1],
        ],
        { requiresGrad: true },
      );
    const h = () =>
      tensor(
        [
          [1, 0, 2],
          [-1, -1, 2],
          [1, 2, 0.25],
        ],
        { requiresGrad: true },
      );

    it.each(["float64", "float32"] as const)("leaves the feasible items as they are bit for bit, %s", (dtype) => {
      const run = (onFailure: "mask" | "closest") => {
        const data = { q: q().to(dtype), h: h().to(dtype) };
        const leaves = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value.detach()]));
        for (const leaf of Object.values(leaves)) leaf.requiresGrad = true;
        const result = quadraticLayer({ ...rows, q: leaves.q, h: leaves.h }, { onFailure });
        const weights = tensor([
          [1, 2],
          [3, -1],
          [0.5, 1],
        ]).to(dtype);
        return { result, gradients: grad(result.x.mul(weights).sum(), [leaves.q, leaves.h]) };
      };
      const [masked, closest] = [run("mask"), run("closest")];
      expect(masked.result.solution.status).toEqual(["solved", "primal_infeasible", "solved"]);
      expect(closest.result.solution.status).toEqual(masked.result.solution.status);
      const others = (t: Tensor) => [t.slice(0, 0, 1).toArray(), t.slice(0, 2, 3).toArray()];
      for (const part of ["x", "lambda"] as const) {
        expect(others(closest.result[part])).toEqual(others(masked.result[part]));
      }
      closest.gradients.forEach((gradient, k) => {
        expect(others(gradient)).toEqual(others(masked.gradients[k]));
        expect(gradient.slice(0, 1, 2).toArray()).not.toEqual(masked.gradients[k].slice(0, 1, 2).toArray());
      });
      expect(closest.result.x.dtype).toBe(dtype);
      expect(closest.result.shift?.h.toArray()).toEqual([
        [0, 0, 0],
        [expect.closeTo(1, 6), expect.closeTo(1, 6), 0],
        [0, 0, 0],
      ]);
      expect([...closest.result.solution.x.subarray(2, 4)]).toEqual([expect.closeTo(0, 12), expect.closeTo(2, 12)]);
    });

    it("sums the gradient of shared data over feasible and infeasible items", () => {
      const G = tensor(rows.G, { requiresGrad: true });
      const shared = (qs: number[][], hs: number[][]) => {
        const { x } = quadraticLayer({ Q: rows.Q, q: qs, G, h: hs }, { onFailure: "closest" });
        return grad(x.square().sum(), [G])[0].data();
      };
      const [qs, hs] = [q().toArray() as number[][], h().toArray() as number[][]];
      const together = shared(qs, hs);
      const sum = new Float64Array(6);
      qs.forEach((_, i) => {
        shared([qs[i]], [hs[i]]).forEach((value, k) => {
          sum[k] += value;
        });
      });
      expect(relativeError(together, sum)).toBeLessThan(1e-12);
    });

    it("raises for an item that is unbounded, and for one whose closest problem is", () => {
      const unbounded = { Q: [[0]], q: [[0], [1]], G: [[1]], h: [1] };
      expect(() => quadraticLayer(unbounded, { onFailure: "closest" })).toThrow("item 1 of 2 is dual_infeasible");
      const both = {
        Q: [
          [0, 0],
          [0, 0],
        ],
        q: [0, 1],
        G: [
          [1, 0],
          [-1, 0],
        ],
        h: [-1, -1],
      };
      expect(() => quadraticLayer(both, { onFailure: "closest" })).toThrow(OptimizationError);
      expect(() => quadraticLayer(both, { onFailure: "closest" })).toThrow("item 0 of 1 is dual_infeasible");
    });
  });

  it("is refused by the layers that have no such problem", () => {
    const closest = { onFailure: "closest" as "mask" };
    const refusal = 'option onFailure is closest, expected "raise" or "mask"';
    expect(() => softmaxLayer({ y: [1, 2], A: [[1, 1]], b: [-1] }, closest)).toThrow(OptionError);
    expect(() => softmaxLayer({ y: [1, 2], A: [[1, 1]], b: [-1] }, closest)).toThrow(refusal);
    expect(() => sparsemaxLayer({ y: [1, 2], total: -1 }, closest)).toThrow(refusal);
  });
});
