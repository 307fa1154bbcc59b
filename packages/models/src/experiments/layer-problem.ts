import { type FloatArray, grad, nllLoss, noGrad, type Tensor } from "@solvegrad/autograd";
import {
  interiorPoint,
  type QuadraticProgram,
  type QuadraticProgramData,
  quadraticLayer,
  quadraticProgram,
} from "@solvegrad/optlayers";
import type { ImageBatch } from "../datasets/images.ts";
import type { MnistNetwork } from "../networks/mnist-network.ts";

/** What the optimization layer of a network is asked on one batch: its problems, and the loss's cotangent of x. */
export interface LayerProblem {
  readonly problem: QuadraticProgram;
  /** d loss / d x, batch x n row by row. */
  readonly cotangent: Float64Array;
}

/** The problems of a layer with these data, and the cotangent of a loss that is a function of its output. */
export function problemOfLayer(data: QuadraticProgramData, loss: (x: Tensor) => Tensor): LayerProblem {
  const { x } = noGrad(() => quadraticLayer(data, { solver: interiorPoint(), onFailure: "mask" }));
  return { problem: noGrad(() => quadraticProgram(data)), cotangent: cotangentOf(x, loss) };
}

/**
 * The same for the image classifier and its mean negative log-likelihood. Throws a TypeError for a network without an
 * optimization layer.
 */
export function layerProblem(network: MnistNetwork, batch: ImageBatch): LayerProblem {
  const { features, quadratic } = network;
  if (quadratic === null) throw new TypeError("the network has no optimization layer");
  const input = noGrad(() => features.forward(batch.images));
  const problem = noGrad(() => quadraticProgram(quadratic.layerData(input)));
  const x = noGrad(() => quadratic.forward(input));
  return { problem, cotangent: cotangentOf(x, (leaf) => nllLoss(network.classify(leaf), batch.labels)) };
}

function cotangentOf(x: Tensor, loss: (x: Tensor) => Tensor): Float64Array {
  const leaf = x.detach();
  leaf.requiresGrad = true;
  const [cotangent] = grad(loss(leaf), [leaf]);
  return Float64Array.from(cotangent.data() as FloatArray);
}
