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

export interface LeNetOptions {
  /** Units of the fully connected hidden layer. Default 500. */
  readonly hidden?: number;
  /** Default 10. */
  readonly classes?: number;
}

/**
 * LeNet (LeCun et al. 1998, in the form with ReLU and max-pooling) for 28 x 28 grey images: two convolutions, 20 and 50
 * filters of 5 x 5, each with ReLU and 2 x 2 max-pooling; fully connected 800 to 500 with ReLU; fully connected 500 to 10;
 * log-softmax. float32. ReLU stands after the pooling, where it is the same function on a quarter of the entries.
 */
export class LeNet extends Module {
  readonly features: Sequential;
  readonly classifier: Linear;

  constructor(random: Random, { hidden = 500, classes = 10 }: LeNetOptions = {}) {
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
      new Linear(800, hidden, options),
      new ReLU(),
    );
    this.classifier = new Linear(hidden, classes, options);
  }

  /** Log-probabilities (B x classes) of images (B x 1 x 28 x 28). */
  override forward(images: Tensor): Tensor {
    return this.classify(this.features.forward(images));
  }

  /** Log-probabilities (B x classes) from what the hidden layer says (B x hidden). */
  classify(hidden: Tensor): Tensor {
    return logSoftmax(this.classifier.forward(hidden), 1);
  }
}
