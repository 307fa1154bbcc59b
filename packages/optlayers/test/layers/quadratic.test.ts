import { type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  type DatumName,
  DatumTypeError,
  type DifferentiationReport,
  type DifferentiationRule,
  datumNames,
  gradcheckLayer,
  implicit,
  LayerError,
  OptimizationError,
  OptionError,
  type QuadraticLayerOptions,
  quadraticLayer,
  unrolled,
} from "../../src/index.ts";
import { identity, presentData, randomProgram, relativeError } from "../random-programs.ts";
import { goldenProblems, haveGolden } from "../support/golden.ts";

/** A problem whose data are all Tensors. */
type Data = Record<DatumName, Tensor>;

/** The data of a random problem as Tensors that require gradients. */
function tensors(options: Parameters<typeof randomProgram>[0]): Data {
  const problem = randomProgram(options);
  const entries = presentData(problem).map((name) => {
    const { values, shape, batched } = problem[name];
    return [name, tensor(values, { shape: batched ? [problem.batch, ...shape] : [...shape], requiresGrad: true })];
  });
  return Object.fromEntries(entries) as Data;
}

function gradient(value: Tensor): Tensor {
  if (!value.grad) throw new Error("no gradient");
  return value.grad;
}

/** A batch of 64 projections on 0 <= x1 with x1 <= h_i, of which item 17 is empty. */
function withOneInfeasible(dtype: "float32" | "float64" = "float64") {
  const G = [
    [1, 0],
    [-1, 0],
  ];
  const h = Array.from({ length: 64 }, (_, i) => [i === 17 ? -1 : 1, 0]);
  const q = Array.from({ length: 64 }, (_, i) => [-2 - i / 64, 0.5]);
  return {
    Q: tensor(identity(2), { dtype, requiresGrad: true }),
    q: tensor(q, { dtype, requiresGrad: true }),
    G: tensor(G, { dtype, requiresGrad: true }),
    h: tensor(h, { dtype, requiresGrad: true }),
  };
}

describe("quadraticLayer", () => {
  it.skipIf(!haveGolden)("gives the golden gradients through backward", () => {
    for (const { id, params, c, grad: expected } of goldenProblems()) {
      const names = Object.keys(params) as DatumName[];
      const data = Object.fromEntries(
        names.map((name) => [name, tensor(params[name] as number[], { requiresGrad: true })]),
      ) as Data;
      const { x } = quadraticLayer(data);
      x.mul(tensor(Float64Array.from(c), { shape: [...x.shape] }))
        .sum()
        .backward();
      for (const name of names) {
        expect(relativeError(gradient(data[name]).data(), expected[name]), `${id} ${name}`).toBeLessThan(1e-9);
      }
    }
  });

  it("passes gradcheckLayer in every datum, through x, nu and lambda, in both orders", () => {
    const data = tensors({ n: 4, p: 1, m: 3, batch: 2, batched: ["q", "b"], seed: 7 });
    const { checked, kinks } = gradcheckLayer(quadraticLayer, data, { order: 2 });
    // 10 free entries of Q, 8 of q, 4 of A, 2 of b, 12 of G, 3 of h
    expect(checked).toBe(2 * 39);
    expect(kinks).toEqual([]);
  });

  it("returns one item without, and a batch with a leading dimension", () => {
    expect(quadraticLayer({ Q: identity(3), q: [1, 2, 3] }).x.shape).toEqual([3]);
    const batch = quadraticLayer({ Q: identity(3), q: [[1, 2, 3]], A: [[1, 1, 1]], b: [1] });
    expect(batch.x.shape).toEqual([1, 3]);
    expect(batch.nu.shape).toEqual([1, 1]);
    expect(batch.lambda.shape).toEqual([1, 0]);
  });

  it("takes float32 in and gives float32 out, working in float64 between", () => {
    const { Q, q, G } = withOneInfeasible("float32");
    const h = tensor([1, 0], { dtype: "float32", requiresGrad: true });
    const { x, solution } = quadraticLayer({ Q, q, G, h });
    expect(x.dtype).toBe("float32");
    expect(solution.x).toBeInstanceOf(Float64Array);
    x.sum().backward();
    expect(gradient(h)).toMatchObject({ dtype: "float32", shape: [2] });
    expect(() => quadraticLayer({ Q, q, G, h: h.to("float64") })).toThrow(DatumTypeError);
  });

  it("takes the stride-0 cotangent that sum() sends back", () => {
    const viaSum = tensors({ n: 6, p: 2, m: 5, batch: 3, batched: ["q"], seed: 7 });
    quadraticLayer(viaSum).x.sum().backward();
    const viaOnes = tensors({ n: 6, p: 2, m: 5, batch: 3, batched: ["q"], seed: 7 });
    quadraticLayer(viaOnes).x.backward(tensor(new Float64Array(18).fill(1), { shape: [3, 6] }));
    for (const name of datumNames) {
      expect(gradient(viaSum[name]).toArray(), name).toEqual(gradient(viaOnes[name]).toArray());
    }
  });

  it("leaves constants without a gradient, and asks the rule only for what is wanted", () => {
    const q = tensor([1, 2], { requiresGrad: true });
    const Q = tensor(identity(2));
    quadraticLayer({ Q, q, G: [[1, 1]], h: [-5] })
      .x.sum()
      .backward();
    expect(Q.grad).toBeNull();
    expect(gradient(q).shape).toEqual([2]);
  });

  it.each([
    ["alternating", alternating()],
    ["unrolled", unrolled()],
  ])("trains with ADMM and the %s rule to the gradients of the default", (_name, differentiation) => {
    const options = { n: 8, p: 2, m: 5, batch: 2, batched: ["q"], seed: 7 } as const;
    const expected = tensors(options);
    quadraticLayer(expected).x.square().sum().backward();
    const data = tensors(options);
    quadraticLayer(data, { solver: admm({ tolerance: 1e-11 }), differentiation })
      .x.square()
      .sum()
      .backward();
    for (const name of datumNames) {
      expect(relativeError(gradient(data[name]).data(), gradient(expected[name]).data()), name).toBeLessThan(1e-6);
    }
  });

  it("hands the rule's report to the caller", () => {
    const reports: DifferentiationReport[] = [];
    const q = tensor([-1, 0], { requiresGrad: true });
    const data = { Q: identity(2), q, G: [[1, 0]], h: [1] };
    quadraticLayer(data, { onBackward: (report) => reports.push(report) })
      .x.sum()
      .backward();
    expect(reports.map(({ notes }) => notes.length)).toEqual([1]);
  });

  it("starts from an earlier solution", () => {
    const data = tensors({ n: 20, p: 3, m: 15, seed: 7 });
    const { solution } = quadraticLayer(data);
    const again = quadraticLayer(data, { warmStart: solution });
    expect(again.solution.iterations[0]).toBeLessThan(solution.iterations[0]);
  });

  it("refuses a rule or a solver by its name alone, or the function that makes it, before any work", () => {
    const data = { Q: [[1]], q: [1] };
    const refused: [Record<string, unknown>, string][] = [
      [{ differentiation: "implicit" }, "option differentiation is implicit, expected a rule such as implicit()"],
      [{ differentiation: implicit }, "option differentiation is a function, expected a rule such as implicit()"],
      [{ solver: "admm" }, "option solver is admm, expected a solver such as interiorPoint()"],
      [{ solver: null }, "option solver is null, expected a solver such as interiorPoint()"],
    ];
    for (const [options, message] of refused) {
      expect(() => quadraticLayer(data, options as QuadraticLayerOptions)).toThrow(message);
    }
  });
});

describe("quadraticLayer with an infeasible item in a batch of 64", () => {
  it("raises by default, naming the item, its status and what to do", () => {
    try {
      quadraticLayer(withOneInfeasible());
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof OptimizationError)) throw error;
      expect(error).toMatchObject({ item: 17, status: "primal_infeasible", failedItems: [17] });
      expect(error.message).toContain("item 17 of 64 is primal_infeasible");
      expect(error.message).toContain("relax b or h");
    }
  });

  it.each(["float64", "float32"] as const)("trains on with onFailure: mask, without NaN, %s", (dtype) => {
    const data = withOneInfeasible(dtype);
    const { x, solution } = quadraticLayer(data, { onFailure: "mask" });
    expect(solution.status[17]).toBe("primal_infeasible");
    expect(solution.status.filter((status) => status === "solved")).toHaveLength(63);
    expect(x.slice(0, 17, 18).toArray()).toEqual([[0, 0]]);
    x.square().sum().backward();
    for (const value of Object.values(data)) expect(gradient(value).data().every(Number.isFinite)).toBe(true);
    expect(
      gradient(data.q)
        .slice(0, 17, 18)
        .data()
        .every((value) => value === 0),
    ).toBe(true);
    expect(gradient(data.h).slice(0, 16, 17).data()[0]).toBeCloseTo(2, 6);
  });

  it("gives the 63 others what they get without the item", () => {
    const data = withOneInfeasible();
    quadraticLayer(data, { onFailure: "mask" }).x.square().sum().backward();
    const healthy = withOneInfeasible();
    const keep = (value: Tensor) =>
      tensor(
        value.data().filter((_, k) => Math.floor(k / 2) !== 17),
        { shape: [63, 2] },
      );
    const others = { ...healthy, q: keep(healthy.q), h: keep(healthy.h) };
    quadraticLayer(others).x.square().sum().backward();
    expect(relativeError(gradient(data.G).data(), gradient(others.G).data())).toBeLessThan(1e-12);
    expect(relativeError(gradient(data.Q).data(), gradient(others.Q).data())).toBeLessThan(1e-12);
  });

  it("names the datum whose gradient a rule of the caller's forgot", () => {
    const { vjp } = implicit();
    const forgetful: DifferentiationRule = {
      name: "forgetful",
      vjp: (...given) => ({ ...vjp(...given), gradients: {} }),
    };
    const q = tensor([1], { requiresGrad: true });
    const { x } = quadraticLayer({ Q: identity(1), q }, { differentiation: forgetful });
    expect(() => x.sum().backward()).toThrow(LayerError);
    expect(() => x.sum().backward()).toThrow("the differentiation rule left out the gradient of q");
  });

  it("refuses another onFailure", () => {
    const onFailure = "ignore" as "mask";
    expect(() => quadraticLayer({ Q: identity(1), q: [1] }, { onFailure })).toThrow(OptionError);
  });

  it("refuses data that are no object by an error that says what they should be", () => {
    const nothing = null as unknown as Parameters<typeof quadraticLayer>[0];
    expect(() => quadraticLayer(nothing)).toThrow("the data of a QP are null; expected an object with Q, q");
  });
});
