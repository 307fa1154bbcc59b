import { grad, hessian, jvp, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  type DatumName,
  type DifferentiationReport,
  type DifferentiationRule,
  datumNames,
  type EntropyName,
  entropicAdmm,
  entropicAlternating,
  entropicInteriorPoint,
  entropyNames,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  type QuadraticProgramData,
  quadraticLayer,
  type Solution,
  softmaxLayer,
  unrolled,
} from "../../src/index.ts";
import type { Datum } from "../../src/problem/quadratic-program.ts";
import { randomEntropyProgram } from "../random-entropy.ts";
import { identity, inner, margin, normals, randomProgram, relativeError } from "../random-programs.ts";

type Data<N extends string> = Record<N, Tensor>;
type Layer<N extends string> = (data: Data<N>) => { x: Tensor; nu: Tensor; lambda: Tensor; solution: Solution };
type Program<N extends string> = Readonly<Record<N, Datum>> & { readonly batch: number };

/** A generic smooth number made of all outputs, whose weights differ between entries. */
function lossOf({ x, nu, lambda }: ReturnType<Layer<never>>): Tensor {
  return [x, nu, lambda]
    .map((part, k) => {
      const weights = tensor(
        Float64Array.from({ length: part.size }, (_, i) => Math.cos(i + k)),
        {
          shape: [...part.shape],
        },
      );
      return part.square().mul(part).mul(0.2).add(part).mul(weights).sum();
    })
    .reduce((sum, part) => sum.add(part));
}

function asTensors<N extends string>(
  program: Program<N>,
  names: readonly N[],
  values: Record<N, Float64Array>,
): Data<N> {
  const entries = names.map((name) => {
    const { shape, batched } = program[name];
    const all = batched ? [program.batch, ...shape] : [...shape];
    return [name, tensor(values[name], { shape: all, requiresGrad: true })];
  });
  return Object.fromEntries(entries);
}

function valuesOf<N extends string>(program: Program<N>, names: readonly N[]): Record<N, Float64Array> {
  return Object.fromEntries(names.map((name) => [name, program[name].values])) as Record<N, Float64Array>;
}

function directions<N extends string>(program: Program<N>, names: readonly N[], seed: number): Record<N, Float64Array> {
  const entries = names.map((name, k) => {
    const normal = normals(seed + k);
    const d = Float64Array.from({ length: program[name].values.length }, normal);
    const n = program[name].shape[0];
    if (name === "Q") {
      for (let at = 0; at < d.length; at += n * n) {
        for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) d[at + i * n + j] = d[at + j * n + i];
      }
    }
    return [name, d];
  });
  return Object.fromEntries(entries);
}

function weighted<N extends string>(
  data: Data<N>,
  names: readonly N[],
  d: Record<N, Float64Array>,
  of: Tensor[],
): Tensor {
  return of
    .map((value, k) => value.mul(tensor(d[names[k]], { shape: [...data[names[k]].shape] })).sum())
    .reduce((sum, part) => sum.add(part));
}

/** d_order' ... d_1' of the loss: the derivative along directions, one after another, on the tape. */
function alongDirections<N extends string>(
  program: Program<N>,
  names: readonly N[],
  layer: Layer<N>,
  values: Record<N, Float64Array>,
  given: readonly Record<N, Float64Array>[],
) {
  const data = asTensors(program, names, values);
  const inputs = names.map((name) => data[name]);
  let value = lossOf(layer(data));
  for (const d of given) value = weighted(data, names, d, grad(value, inputs, { createGraph: true }));
  return { value, gradients: grad(value, inputs) };
}

/** The largest error over the data of the gradient of the derivative along `given`, against differences of that derivative. */
function worstError<N extends string>(
  program: Program<N>,
  names: readonly N[],
  layer: Layer<N>,
  order: number,
  step = 2e-5,
): number {
  const present = names.filter((name) => program[name].values.length > 0);
  const given = Array.from({ length: order - 1 }, (_, k) => directions(program, present, 50 + 10 * k));
  const values = valuesOf(program, present);
  const { gradients } = alongDirections(program, present, layer, values, given);
  let worst = 0;
  present.forEach((name, k) => {
    const d = directions(program, present, 400)[name];
    const at = (t: number) => {
      const moved = { ...values, [name]: values[name].map((value, i) => value + t * d[i]) };
      return alongDirections(program, present, layer, moved, given).value.item();
    };
    const difference = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    const slope = inner(gradients[k].data(), d);
    worst = Math.max(worst, Math.abs(slope - difference) / Math.max(1, Math.abs(difference)));
  });
  return worst;
}

function clearProgram(options: Omit<Parameters<typeof randomProgram>[0], "seed">): QuadraticProgram {
  for (let seed = 1; ; seed++) {
    const problem = randomProgram({ ...options, seed });
    const solution = interiorPoint().solve(problem);
    if (margin(solution) > 0.05 && solution.lambda.some((value) => value > 0.1)) return problem;
  }
}

function clearEntropyProgram(batch?: number) {
  for (let seed = 1; ; seed++) {
    const problem = randomEntropyProgram({ n: 5, p: 1, m: 3, seed, ...(batch && { batch }) });
    const solution = entropicInteriorPoint().solve(problem);
    if (margin(solution) > 0.05 && solution.lambda.some((value) => value > 0.05)) return problem;
  }
}

const sharings: [string, DatumName[], number][] = [
  ["one problem", [], 1],
  ["a batch that shares Q, A, G and h", ["q", "b"], 3],
  ["a batch that shares nothing", [...datumNames], 2],
  ["a batch that shares q, b and h", ["Q", "A", "G"], 2],
];

describe("quadraticLayer, differentiated again", () => {
  it.each(sharings)(
    "has the second derivatives that differences of its gradient give, in all data: %s",
    (_, batched, batch) => {
      const problem = clearProgram({ n: 4, p: 1, m: 4, batch, batched });
      expect(worstError(problem, datumNames, quadraticLayer, 2)).toBeLessThan(1e-6);
    },
  );

  it.each<[string, DifferentiationRule]>([
    ["alternating", alternating({ truncate: 1e-13 })],
    ["alternating (forward)", alternating({ mode: "forward", truncate: 1e-13 })],
    ["unrolled", unrolled({ tolerance: 1e-12 })],
  ])("has them by the %s rule, with ADMM's solution", (_, differentiation) => {
    const problem = clearProgram({ n: 4, p: 1, m: 4, batch: 2, batched: ["q"] });
    const layer: Layer<DatumName> = (data) => {
      return quadraticLayer(data, { solver: admm({ tolerance: 1e-12 }), differentiation });
    };
    expect(worstError(problem, datumNames, layer, 2)).toBeLessThan(1e-6);
  });

  it.each(sharings.slice(0, 2))(
    "has the third derivatives that differences of the second ones give: %s",
    (_, batched, batch) => {
      const problem = clearProgram({ n: 4, p: 1, m: 4, batch, batched });
      expect(worstError(problem, datumNames, quadraticLayer, 3)).toBeLessThan(1e-6);
    },
  );
});

describe("softmaxLayer, differentiated again", () => {
  it.each([undefined, 3])(
    "has the second derivatives that differences of its gradient give, in all data: batch %s",
    (batch) => {
      const problem = clearEntropyProgram(batch);
      expect(worstError(problem, entropyNames, softmaxLayer, 2)).toBeLessThan(1e-6);
    },
  );

  it("has the third derivatives that differences of the second ones give", () => {
    expect(worstError(clearEntropyProgram(), entropyNames, softmaxLayer, 3)).toBeLessThan(1e-6);
  });

  it("has them by the alternating rule, with ADMM's solution", () => {
    const problem = clearEntropyProgram(2);
    const layer: Layer<EntropyName> = (data) =>
      softmaxLayer(data, {
        solver: entropicAdmm({ tolerance: 1e-12 }),
        differentiation: entropicAlternating({ truncate: 1e-13 }),
      });
    expect(worstError(problem, entropyNames, layer, 2)).toBeLessThan(1e-6);
  });

  it("is softmax, with its Hessian, where the only constraint is that x sums to 1", () => {
    const y = tensor([0.3, -1, 2]);
    const weights = tensor([1, -2, 0.5]);
    const viaLayer = hessian(
      (at) =>
        softmaxLayer({ y: at, A: [[1, 1, 1]], b: [1] })
          .x.mul(weights)
          .sum(),
      y,
    );
    const direct = hessian((at) => at.logSoftmax().exp().mul(weights).sum(), y);
    expect(relativeError(viaLayer.data(), direct.data())).toBeLessThan(1e-12);
  });

  it("stays finite where entries of x underflow", () => {
    const y = tensor([0, 400, 800], { requiresGrad: true });
    const { x } = softmaxLayer({ y, A: [[1, 1, 1]], b: [1] });
    const [first] = grad(x.square().sum(), [y], { createGraph: true });
    const [second] = grad(first.square().sum(), [y]);
    expect([...second.data()].every(Number.isFinite)).toBe(true);
  });
});

describe("a recorded backward pass", () => {
  const problem = clearProgram({ n: 5, p: 2, m: 5, batch: 3, batched: ["q", "h"] });
  const data = () => asTensors(problem, datumNames, valuesOf(problem, datumNames));

  it("gives the gradients of one that is not recorded", () => {
    const given = data();
    const inputs = datumNames.map((name) => given[name]);
    const loss = lossOf(quadraticLayer(given));
    const recorded = grad(loss, inputs, { createGraph: true });
    grad(loss, inputs).forEach((plain, k) => {
      expect(relativeError(recorded[k].data(), plain.data()), datumNames[k]).toBeLessThan(1e-11);
    });
  });

  it("asks a rule for the KKT system that it has the factor of: interior point's state is used again", () => {
    const reports: DifferentiationReport[] = [];
    const given = data();
    const loss = lossOf(quadraticLayer(given, { onBackward: (report) => reports.push(report) }));
    const [first] = grad(loss, [given.q], { createGraph: true });
    expect(reports).toHaveLength(1);
    grad(first.square().sum(), [given.q]);
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.every(({ residual }) => residual < 1e-12)).toBe(true);
  });

  it("gives float32 data float32 gradients of any order, near to those of float64", () => {
    const of = (dtype: "float32" | "float64") => {
      const given = Object.fromEntries(
        datumNames.map((name) => {
          const value = data()[name];
          return [
            name,
            tensor(value.data(), { shape: [...value.shape] })
              .to("float32")
              .to(dtype)
              .detach(),
          ];
        }),
      ) as Data<DatumName>;
      for (const value of Object.values(given)) value.requiresGrad = true;
      const [first] = grad(quadraticLayer(given).x.square().sum(), [given.G], { createGraph: true });
      return grad(first.square().sum(), [given.h])[0];
    };
    expect(of("float32").dtype).toBe("float32");
    expect(relativeError(of("float32").data(), of("float64").data())).toBeLessThan(1e-4);
  });

  it("gives a masked item derivatives of zero, and the others theirs", () => {
    const second = (h: number[][], onFailure: "mask" | "raise") => {
      const G = tensor(
        [
          [1, 0],
          [-1, 0],
        ],
        { requiresGrad: true },
      );
      const q = tensor(
        h.map((_, i) => [-2 - i, 0.5]),
        { requiresGrad: true },
      );
      const { x } = quadraticLayer({ Q: identity(2), q, G, h }, { onFailure });
      const [first] = grad(x.square().mul(x).sum(), [G], { createGraph: true });
      return grad(first.square().sum(), [G, q]);
    };
    const [G, q] = second(
      [
        [1, 0],
        [3, 0],
        [-1, 0],
      ],
      "mask",
    );
    const [ownG, ownq] = second(
      [
        [1, 0],
        [3, 0],
      ],
      "raise",
    );
    expect(relativeError(G.data(), ownG.data())).toBeLessThan(1e-12);
    expect(q.toArray()).toEqual([...(ownq.toArray() as number[][]), [0, 0]]);
  });

  it("stays finite where every item is masked, in an entropy program too", () => {
    const q = tensor([1, 2], { requiresGrad: true });
    const { x } = quadraticLayer(
      {
        Q: identity(2),
        q,
        G: [
          [1, 0],
          [-1, 0],
        ],
        h: [-1, 0],
      },
      { onFailure: "mask" },
    );
    const [first] = grad(x.sum(), [q], { createGraph: true });
    expect(first.toArray()).toEqual([0, 0]);
    const y = tensor(
      [
        [1, 2],
        [3, 1],
      ],
      { requiresGrad: true },
    );
    const masked = softmaxLayer({ y, A: [[1, 1]], b: [[1], [-1]] }, { onFailure: "mask" });
    const [slope] = grad(masked.x.square().sum(), [y], { createGraph: true });
    const [second] = grad(slope.square().sum(), [y]);
    expect([...second.data()].every(Number.isFinite)).toBe(true);
    expect(second.slice(0, 1, 2).toArray()).toEqual([[0, 0]]);
  });
});

describe("transforms through quadraticLayer", () => {
  const problem = clearProgram({ n: 4, p: 1, m: 4 });
  const { Q, A, b, G, h } = asTensors(problem, datumNames, valuesOf(problem, datumNames));
  const solved = (q: Tensor) => quadraticLayer({ Q, q, A, b, G, h });

  it("hessian gives a symmetric matrix whose rows are the differences of the gradient", () => {
    const loss = (q: Tensor) => solved(q).x.square().mul(solved(q).x).sum();
    const q = tensor(problem.q.values);
    const H = hessian(loss, q);
    const at = (k: number, t: number) => {
      const moved = tensor(
        problem.q.values.map((value, i) => (i === k ? value + t : value)),
        { requiresGrad: true },
      );
      return grad(loss(moved), [moved])[0].data();
    };
    const differences = Array.from({ length: 4 }, (_, k) => {
      const [up, down] = [at(k, 1e-5), at(k, -1e-5)];
      return up.map((value, i) => (value - down[i]) / 2e-5);
    });
    expect(
      relativeError(
        H.data(),
        differences.flatMap((row) => [...row]),
      ),
    ).toBeLessThan(1e-6);
    expect(relativeError(H.transpose().data(), H.data())).toBeLessThan(1e-10);
  });

  it("jvp gives the slope of x and of the duals along a direction", () => {
    const direction = tensor([0.3, -0.7, 1, 0.2]);
    for (const part of ["x", "nu", "lambda"] as const) {
      const { tangent } = jvp((q) => solved(q)[part], [tensor(problem.q.values)], [direction]);
      const at = (t: number) => solved(tensor(problem.q.values).add(direction.mul(t)))[part].data();
      const [up, down] = [at(1e-4), at(-1e-4)];
      const differences = up.map((value, i) => (value - down[i]) / 2e-4);
      expect(relativeError(tangent.data(), differences), part).toBeLessThan(1e-8);
    }
  });

  it("gives the second derivative of a bilevel problem, with which Newton finds the weight that the data were made with", () => {
    const solutionOf = (t: Tensor) => {
      const ridge = t.exp().mul(tensor(identity(4)));
      const data = { Q: Q.detach().add(ridge), q: tensor(problem.q.values), G: [[1, 1, 1, 1]], h: [0.1] };
      return quadraticLayer(data).x;
    };
    const target = solutionOf(tensor([0.6]));
    const derivatives = (t: number) => {
      const at = tensor([t], { requiresGrad: true });
      const [first] = grad(solutionOf(at).sub(target).square().sum(), [at], { createGraph: true });
      return { first: first.item(), second: grad(first.sum(), [at])[0].item() };
    };
    const { second } = derivatives(0.2);
    const difference = (derivatives(0.2 + 1e-5).first - derivatives(0.2 - 1e-5).first) / 2e-5;
    expect(Math.abs(second - difference)).toBeLessThan(1e-6 * Math.abs(second));
    let t = 0.2;
    for (let k = 0; k < 8; k++) t -= derivatives(t).first / derivatives(t).second;
    expect(t).toBeCloseTo(0.6, 10);
  });
});

describe("second derivatives at degenerate solutions", () => {
  const Q = [
    [2, 0.3, 0],
    [0.3, 1, 0.2],
    [0, 0.2, 1.5],
  ];
  const costs = [-1, -2, 0.5];
  /** The gradient of |grad_q sum x^3|^2 in q, and the differences of that number. */
  const inCosts = (rest: Partial<Omit<QuadraticProgramData, "Q" | "q">>, differentiation?: DifferentiationRule) => {
    const number = (q: Tensor) => {
      const { x } = quadraticLayer({ Q, q, ...rest }, { ...(differentiation && { differentiation }) });
      return grad(x.pow(3).sum(), [q], { createGraph: true })[0].square().sum();
    };
    const q = tensor(costs, { requiresGrad: true });
    const found = [...grad(number(q), [q])[0].data()];
    const differences = costs.map((_, j) => {
      const at = (t: number) => {
        return number(
          tensor(
            costs.map((c, i) => (i === j ? c + t : c)),
            { requiresGrad: true },
          ),
        ).item();
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    return { found, differences };
  };

  it.each<[string, DifferentiationRule]>([
    ["implicit", implicit()],
    ["alternating", alternating({ truncate: 1e-12 })],
  ])("%s: are those of differences with redundant equalities and with duplicate inequalities", (_, rule) => {
    const redundant = inCosts(
      {
        A: [
          [1, 1, 1],
          [2, 2, 2],
        ],
        b: [1, 2],
      },
      rule,
    );
    expect(relativeError(redundant.found, redundant.differences)).toBeLessThan(1e-6);
    const duplicate = inCosts(
      {
        G: [
          [0, 1, 0],
          [0, 2, 0],
          [1, 0, 0],
        ],
        h: [0.5, 1, 9],
      },
      rule,
    );
    expect(relativeError(duplicate.found, duplicate.differences)).toBeLessThan(1e-6);
  });

  it("are zero at a vertex, and finite at a weakly active row and where x is not unique", () => {
    const vertex = inCosts({
      G: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, -1],
      ],
      h: [-1, -1, -1],
    });
    expect(vertex.found).toEqual([expect.closeTo(0, 12), expect.closeTo(0, 12), expect.closeTo(0, 12)]);
    for (const data of [
      { Q: identity(2), q: [-1, -2], G: [[0, 1]], h: [2] },
      {
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
      },
    ]) {
      const q = tensor(data.q, { requiresGrad: true });
      const [first] = grad(
        quadraticLayer({ ...data, q })
          .x.pow(3)
          .sum(),
        [q],
        { createGraph: true },
      );
      expect([...grad(first.square().sum(), [q])[0].data()].every(Number.isFinite)).toBe(true);
    }
  });
});
