import { random, type Tensor } from "@solvegrad/autograd";

/** The data of one dense QP, each with a gradient. */
export type DenseData = Readonly<Record<"Q" | "q" | "A" | "b" | "G" | "h", Tensor>>;

/**
 * A dense QP as in Alt-Diff's Table 1: Q = R'R, and R, q, A (p x n), b, G (m x n), h standard normal. Feasible where
 * p + m <= n.
 */
export function denseData(n: number, m: number, p: number, seed: number): DenseData {
  const generator = random(seed);
  const R = generator.normal([n, n]);
  return withGradients({
    Q: R.transpose().matmul(R),
    q: generator.normal([n]),
    A: generator.normal([p, n]),
    b: generator.normal([p]),
    G: generator.normal([m, n]),
    h: generator.normal([m]),
  });
}

/** The data of a constrained sparsemax layer: y standard normal, u uniform from 1 / n to 100 / n, so that many bounds bind. */
export function sparsemaxData(n: number, seed: number): Readonly<Record<"y" | "u", Tensor>> {
  const generator = random(seed);
  return withGradients({ y: generator.normal([n]), u: generator.uniform([n], { low: 1 / n, high: 100 / n }) });
}

/** The data of a constrained softmax layer: y standard normal, uniform constraints that share a point z > 0. */
export function softmaxData(
  n: number,
  m: number,
  p: number,
  seed: number,
): Readonly<Record<"y" | "A" | "b" | "G" | "h", Tensor>> {
  const generator = random(seed);
  const [A, G, z] = [generator.uniform([p, n]), generator.uniform([m, n]), generator.uniform([n])];
  const slack = generator.uniform([m]);
  return withGradients({ y: generator.normal([n]), A, b: A.matmul(z), G, h: G.matmul(z).add(slack) });
}

function withGradients<T extends Readonly<Record<string, Tensor>>>(data: T): T {
  for (const datum of Object.values(data)) datum.requiresGrad = true;
  return data;
}
