import {
  Conv2d,
  Flatten,
  Linear,
  logSoftmax,
  MaxPool2d,
  Module,
  type Random,
  ReLU,
  Sequential,
  type Tensor,
} from "@solvegrad/autograd";
import { QuadraticModule, type QuadraticModuleOptions } from "./quadratic-module.ts";

/** Sizes of the optimization layer: variables, equalities, inequalities. */
const n = 200;
const p = 50;
const m = 50;

/**
 * The image classifier of Alt-Diff (section F.2; sizes as in its published code) for 28 x 28 grey images: two
 * convolutions, 20 and 50 filters of 5 x 5, each with ReLU and 2 x 2 max-pooling; fully connected 800 to 200 with
 * ReLU; the optimization layer, 200 in and out, 50 equalities and 50 inequalities; fully connected 200 to 10;
 * log-softmax. float32 but for the optimization layer. ReLU stands after the pooling, where it is the same function on a
 * quarter of the entries.
 *
 * Without layer options it is the same network without the optimization layer.
 */
export class MnistNetwork extends Module {
  readonly features: Sequential;
  readonly quadratic: QuadraticModule | null;
  readonly classifier: Linear;

  constructor(random: Random, layer: QuadraticModuleOptions | null) {
    super();
    const options = { random, dtype: "float32" } as const;
    this.features = new Sequential(
      new Conv2d(1, 20, 5, options),
      new MaxPool2d(2),
      new ReLU(),
      new Conv2d(20, 50, 5, options),
      new MaxPool2d(2),
      new ReLU(),
      new Flatten(),
      new Linear(800, n, options),
      new ReLU(),
    );
    this.classifier = new Linear(n, 10, options);
    this.quadratic = layer && new QuadraticModule(n, p, m, random, layer);
  }

  /** Log-probabilities (B x 10) of images (B x 1 x 28 x 28). */
  override forward(images: Tensor): Tensor {
    const features = this.features.forward(images);
    return this.classify(this.quadratic?.forward(features) ?? features);
  }

  /** Log-probabilities (B x 10) from the optimization layer's output (B x 200). */
  classify(x: Tensor): Tensor {
    return logSoftmax(this.classifier.forward(x), 1);
  }
}
