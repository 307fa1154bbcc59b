/**
 * Whole layers through the public interface: a quadraticLayer called, and its loss run backwards, as a training step does it.
 * Per rule and size the median milliseconds of a call and of forward and backward together, by benchmark.js.
 *
 *     npm run bench:layers
 */
import { eye, noGrad, random, type Tensor } from "@solvegrad/autograd";
import { activeKernels } from "@solvegrad/linalg";
import {
  admm,
  alternating,
  implicit,
  interiorPoint,
  type QuadraticLayerOptions,
  quadraticLayer,
  unrolled,
} from "@solvegrad/optlayers";
import { medianMilliseconds } from "./median-milliseconds.ts";

const tolerance = 1e-3;
const methods: Record<string, QuadraticLayerOptions> = {
  implicit: { solver: interiorPoint({ tolerance }), differentiation: implicit() },
  alternating: { solver: admm({ tolerance }), differentiation: alternating({ truncate: tolerance }) },
  unrolled: { solver: admm({ tolerance }), differentiation: unrolled({ tolerance }) },
};

/** Q, A and G shared, each with a gradient; a batch of q. */
function layerData(n: number, p: number, m: number, batch: number): Record<"Q" | "q" | "A" | "b" | "G" | "h", Tensor> {
  const generator = random(3);
  const X = generator.normal([n, n]);
  const [A, G] = [generator.normal([p, n]), generator.normal([m, n])];
  const feasible = generator.normal([n]);
  const data = {
    Q: X.matmul(X.transpose()).div(n).add(eye(n).mul(0.1)),
    q: generator.normal([batch, n]),
    A,
    b: A.matmul(feasible),
    G,
    h: G.matmul(feasible).add(generator.uniform([m])),
  };
  for (const datum of Object.values(data)) datum.requiresGrad = true;
  return data;
}

console.log(`kernels: ${activeKernels().description}; tolerance ${tolerance}; median milliseconds`);
console.log("n    p    m    batch  rule          forward  forward and backward");
for (const [n, p, m, batch] of [
  [10, 3, 5, 1],
  [10, 3, 5, 128],
  [100, 20, 40, 64],
  [200, 50, 50, 64],
]) {
  const data = layerData(n, p, m, batch);
  for (const [name, options] of Object.entries(methods)) {
    const forward = medianMilliseconds(() => void noGrad(() => quadraticLayer(data, options)));
    const both = medianMilliseconds(() => quadraticLayer(data, options).x.sum().backward());
    const sizes = [n, p, m].map((size) => String(size).padEnd(5)).join("");
    console.log(
      `${sizes}${String(batch).padEnd(7)}${name.padEnd(12)}${forward.toFixed(2).padStart(9)}${both.toFixed(2).padStart(22)}`,
    );
  }
}
