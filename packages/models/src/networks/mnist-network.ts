import type { Random, Tensor } from "@solvegrad/autograd";
import { LeNet } from "./lenet.ts";
import type { QuadraticModule } from "./quadratic-module.ts";

/** Inputs and outputs of the optimization layer. */
const hidden = 200;

/**
 * The image classifier of Alt-Diff (section F.2; sizes as in its published code): LeNet with 200 hidden units, and after them an
 * optimization layer, 200 in and out, such as `OptNet` or `OptNetEq`. float32 but for the optimization layer.
 *
 * Without a layer it is the same network without the optimization layer.
 */
export class MnistNetwork extends LeNet {
  readonly quadratic: QuadraticModule | null;

  constructor(random: Random, layer: ((random: Random) => QuadraticModule) | null) {
    super(random, { hidden });
    this.quadratic = layer?.(random) ?? null;
  }

  override forward(images: Tensor): Tensor {
    const features = this.features.forward(images);
    return this.classify(this.quadratic?.forward(features) ?? features);
  }
}
