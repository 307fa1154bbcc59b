import { type FloatArray, grad, nllLoss, noGrad, type Tensor } from "@solvegrad/autograd";
import { type QuadraticProgram, quadraticProgram } from "@solvegrad/optlayers";
import type { ImageBatch } from "../datasets/images.ts";
import type { MnistNetwork } from "../networks/mnist-network.ts";

/** What the optimization layer of a network is asked on one batch: its problems, and the loss's cotangent of x. */
export interface LayerProblem {
  readonly problem: QuadraticProgram;
  /** d loss / d x, batch x n row by row, for the mean negative log-likelihood of the batch. */
  readonly cotangent: Float64Array;
}

/** Throws a TypeError for a network without an optimization layer. */
export function layerProblem(network: MnistNetwork, batch: ImageBatch): LayerProblem {
  const { features, quadratic } = network;
  if (quadratic === null) throw new TypeError("the network has no optimization layer");
  const input = noGrad(() => features.forward(batch.images));
  const { Q, A, b, G, h } = quadratic;
  const problem = quadraticProgram({ Q, q: quadratic.linearTerm(input), A, b, G, h });
  const x = noGrad(() => quadratic.forward(input));
  return { problem, cotangent: cotangentOf(x, (leaf) => nllLoss(network.classify(leaf), batch.labels)) };
}

function cotangentOf(x: Tensor, loss: (x: Tensor) => Tensor): Float64Array {
  const leaf = x.detach();
  leaf.requiresGrad = true;
  const [cotangent] = grad(loss(leaf), [leaf]);
  return Float64Array.from(cotangent.data() as FloatArray);
}
