import { grad, gradcheck, type Tensor, tensor, vjp, zeros } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type BackwardMethod,
  type DifferentiationReport,
  type FixedPoint,
  fixedPointLayer,
  implicitLayer,
  LayerError,
  OptimizationError,
  OptionError,
} from "../../src/index.ts";
import { inner, norm, normals, relativeError } from "../random-programs.ts";

const exact = ["gmres", "neumann", "direct"] as const;

function normalTensor(shape: number[], seed: number, scale = 1): Tensor {
  const next = normals(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = Float64Array.from({ length: size }, () => scale * next());
  return tensor(values, { shape, requiresGrad: true });
}

/** z = tanh(zW + u), a deep-equilibrium layer whose W has norm about 0.6. */
function equilibrium(width: number, batch: number, seed: number) {
  const W = normalTensor([width, width], seed, 0.3 / Math.sqrt(width));
  const u = normalTensor([batch, width], seed + 1);
  const map = (z: Tensor, weights: Tensor, input: Tensor) => z.matmul(weights).add(input).tanh();
  return { W, u, map, start: tensor(new Float64Array(batch * width), { shape: [batch, width] }) };
}

describe("fixedPointLayer", () => {
  it("finds the fixed point of a scalar map, with its derivative", () => {
    const layer = fixedPointLayer({ map: (z, a) => z.mul(0.5).add(a), start: tensor(0) });
    const a = tensor(3, { requiresGrad: true });
    expect(layer(a).item()).toBeCloseTo(6, 9);
    expect(grad(layer(a), [a])[0].item()).toBeCloseTo(2, 9);
  });

  it.each(exact)(
    "by %s: has on a batch of 50 wide tanh equilibria the gradient of the unrolled iteration",
    (backward) => {
      const { W, u, map, start } = equilibrium(50, 4, 11);
      const weights = normalTensor([4, 50], 5).detach();
      const layer = fixedPointLayer({ map, start, batched: true, backward, forward: { tolerance: 1e-13 } });
      const found = grad(layer(W, u).mul(weights).sum(), [W, u]);
      let z = start;
      for (let k = 0; k < 120; k++) z = map(z, W, u);
      const unrolled = grad(z.mul(weights).sum(), [W, u]);
      expect(relativeError(layer(W, u).data(), z.data())).toBeLessThan(1e-10);
      found.forEach((gradient, k) => {
        expect(relativeError(gradient.data(), unrolled[k].data())).toBeLessThan(1e-8);
      });
    },
  );

  it.each(exact)("by %s: passes gradcheck of both orders", (backward) => {
    const { W, u, map, start } = equilibrium(4, 3, 21);
    const layer = fixedPointLayer({
      map,
      start,
      batched: true,
      forward: { tolerance: 1e-14 },
      backward: { method: backward, tolerance: 1e-13 },
    });
    gradcheck((a, b) => layer(a, b).pow(2).sum(), [W, u], { order: 2, tolerance: 1e-7 });
  });

  it("has a VJP that is the transpose of directional differences", () => {
    const { W, u, map, start } = equilibrium(8, 2, 31);
    const layer = fixedPointLayer({ map, start, batched: true, forward: { tolerance: 1e-14 } });
    const c = normalTensor([2, 8], 3).detach();
    const direction = normalTensor([8, 8], 4, 0.1).detach();
    const step = 1e-5;
    const [plus, minus] = [1, -1].map((sign) => layer(W.add(direction.mul(sign * step)), u).detach());
    const slope = inner(c.data(), plus.sub(minus).data()) / (2 * step);
    const { pullback } = vjp(layer, W, u);
    expect(inner(pullback(c)[0].data(), direction.data())).toBeCloseTo(slope, 8);
  });

  it("needs fewer iterations with Anderson acceleration than without", () => {
    const { W, u, map, start } = equilibrium(20, 1, 41);
    const iterations = [0, 5].map((memory) => {
      let report: FixedPoint | null = null;
      const layer = fixedPointLayer({
        map,
        start,
        forward: { memory },
        onForward: (found) => {
          report = found;
        },
      });
      layer(W.mul(2.2), u);
      return (report as FixedPoint | null)?.iterations[0] ?? Number.NaN;
    });
    expect(iterations[1]).toBeLessThan(0.8 * iterations[0]);
  });

  it("finds a fixed point that the plain iteration runs away from, and differentiates there by GMRES", () => {
    const layer = fixedPointLayer({ map: (z, a) => z.mul(-3).add(a), start: tensor([0, 0]) });
    const a = tensor([4, 8], { requiresGrad: true });
    expect(relativeError(layer(a).data(), [1, 2])).toBeLessThan(1e-9);
    expect(relativeError(grad(layer(a).sum(), [a])[0].data(), [0.25, 0.25])).toBeLessThan(1e-9);
  });

  it("says of a map without a fixed point that it has not converged", () => {
    const away = fixedPointLayer({ map: (z, a) => z.add(a), start: tensor([0, 1]), forward: { maxIterations: 30 } });
    expect(() => away(tensor([1, 2]))).toThrow(OptimizationError);
    const plain = fixedPointLayer({ map: (z) => z.mul(z).add(1), start: tensor(2), forward: { memory: 0 } });
    expect(() => plain()).toThrow("numerical_error");
  });

  it("masks the item of a batch that does not converge, and leaves the gradient of the others as it is alone", () => {
    const map = (z: Tensor, a: Tensor) => z.mul(z).mul(0.25).add(a);
    let report: FixedPoint | null = null;
    const layer = fixedPointLayer({
      map,
      start: tensor([[0], [0], [0]]),
      batched: true,
      onFailure: "mask",
      onForward: (found) => {
        report = found;
      },
    });
    const a = tensor([[0.5], [9], [0.75]], { requiresGrad: true });
    const z = layer(a);
    expect((report as FixedPoint | null)?.status.map((status) => status === "solved")).toEqual([true, false, true]);
    const [gradient] = grad(z.sum(), [a]);
    // z = z^2 / 4 + a has the root 2 - 2 sqrt(1 - a), whose derivative is 1 / sqrt(1 - a)
    expect(relativeError(z.data(), [2 - 2 * Math.sqrt(0.5), 0, 1])).toBeLessThan(1e-8);
    expect(relativeError(gradient.data(), [Math.SQRT2, 0, 2])).toBeLessThan(1e-7);
  });

  it("refuses a Neumann series that diverges, by its residual", () => {
    const layer = fixedPointLayer({ map: (z, a) => z.mul(-3).add(a), start: tensor([0, 0]), backward: "neumann" });
    const a = tensor([4, 8], { requiresGrad: true });
    expect(() => grad(layer(a).sum(), [a])).toThrow(LayerError);
    expect(() => grad(layer(a).sum(), [a])).toThrow(/"neumann" did not converge.*use "gmres"/);
  });

  it("reports that the Jacobian-free gradient is inexact: cheap, and at an acute angle with the gradient", () => {
    const { W, u, map, start } = equilibrium(10, 2, 51);
    const reports: DifferentiationReport[] = [];
    const by = (backward: BackwardMethod) => {
      const layer = fixedPointLayer({
        map,
        start,
        batched: true,
        backward,
        onBackward: (report) => reports.push(report),
      });
      return grad(layer(W, u).square().sum(), [W])[0].data();
    };
    const [free, gradient] = [by("jacobianFree"), by("direct")];
    expect(reports[0].notes[0]).toContain("inexact");
    expect(reports[0].residual).toBeGreaterThan(1e-3);
    expect(reports[1].notes).toEqual([]);
    expect(relativeError(free, gradient)).toBeGreaterThan(1e-3);
    expect(inner(free, gradient)).toBeGreaterThan(0.8 * norm(free) * norm(gradient));
  });

  it("does not take a start far away for the unit of its residual", () => {
    const layer = fixedPointLayer({ map: (z, a) => z.mul(0.9).add(a), start: tensor([1e12, -1e12, 3e11]) });
    expect(relativeError(layer(tensor([0.1, 0.2, 0.3])).data(), [1, 2, 3])).toBeLessThan(1e-9);
  });

  it("finds a fixed point that is 0, exactly or but for the rounding of the map", () => {
    const exact = fixedPointLayer({ map: (z, a) => z.mul(a).tanh().mul(0.9), start: tensor([1, 2]) });
    const rounded = fixedPointLayer({ map: (z, a) => z.add(1).mul(a).sub(a), start: tensor([1, 2]) });
    for (const layer of [exact, rounded]) {
      for (const value of layer(tensor([0.9, 0.7])).data()) expect(Math.abs(value)).toBeLessThan(1e-15);
    }
  });

  it("does not believe an iteration that creeps: its residual is small, the fixed point far", () => {
    const slow = 1e-10;
    const creeping = fixedPointLayer({
      map: (z, a) => z.mul(1 - slow).add(a.mul(slow)),
      start: tensor([0.5]),
      forward: { memory: 0 },
    });
    const a = tensor([1], { requiresGrad: true });
    expect(() => grad(creeping(a).sum(), [a])).toThrow("stopped far from the fixed point");
  });

  it.each(["gmres", "direct"] as const)(
    "says by %s that a masked item has no finite derivative, and returns no NaN",
    (backward) => {
      const layer = fixedPointLayer({
        map: (z, W, u) => z.mul(W).add(u.log()).tanh(),
        start: zeros([2, 2]),
        batched: true,
        onFailure: "mask",
        backward,
      });
      const W = tensor([0.3, 0.2], { requiresGrad: true });
      const u = tensor([
        [1, 2],
        [-1, 2],
      ]);
      expect(() => grad(layer(W, u).sum(), [W])).toThrow("the derivative of map is not finite");
    },
  );

  it("notes that a fixed point is not unique where the Jacobian is singular", () => {
    const notes: string[] = [];
    const layer = fixedPointLayer({
      map: (z, a) => z.mul(tensor([1, 0.5])).add(a),
      start: tensor([1, 1]),
      backward: "direct",
      onBackward: (report) => notes.push(...report.notes),
    });
    const a = tensor([0, 1], { requiresGrad: true });
    expect(grad(layer(a).sum(), [a])[0].toArray()).toEqual([0, expect.closeTo(2, 12)]);
    expect(notes).toEqual([expect.stringContaining("singular")]);
  });

  it("keeps float32", () => {
    const layer = fixedPointLayer({ map: (z, a) => z.mul(0.5).add(a), start: (a) => a.mul(0) });
    const a = tensor(Float32Array.of(1, 2), { requiresGrad: true });
    expect(layer(a).dtype).toBe("float32");
    expect(grad(layer(a).sum(), [a])[0].toArray()).toEqual([2, 2]);
  });

  it("refuses options and maps that cannot work", () => {
    const map = (z: Tensor) => z.mul(0.5);
    const start = tensor([0, 0]);
    expect(() => fixedPointLayer({ map: undefined as unknown as typeof map, start })).toThrow(
      "option map is undefined",
    );
    expect(() => fixedPointLayer({ map, start: [0, 0] as unknown as Tensor })).toThrow("option start is 0,0");
    expect(() => fixedPointLayer({ map, start: tensor(1), batched: true })()).toThrow("start has no batch axis");
    expect(() => fixedPointLayer({ map, start, backward: "newton" as "gmres" })).toThrow(OptionError);
    expect(() => fixedPointLayer({ map, start, forward: { tolerance: 2 } })).toThrow(OptionError);
    expect(() => fixedPointLayer({ map: (z) => z.sum(), start })()).toThrow(
      "map returned shape (), expected that of start, (2)",
    );
  });
});

describe("implicitLayer with a tolerance", () => {
  const halfway = (tolerance?: number) =>
    implicitLayer({ solve: (a) => a.mul(0.4), optimality: (x, a) => x.mul(2).sub(a), tolerance });

  it("does not believe an inner solver that did not converge", () => {
    const a = tensor([1, 2], { requiresGrad: true });
    expect(() => halfway(1e-6)(a)).toThrow(/\|F\| is 0\.\d+ at what solve returned/);
    expect(halfway()(a).toArray()).toEqual([0.4, 0.8]);
  });
});
