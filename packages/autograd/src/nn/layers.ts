import type { DType } from "@solvegrad/linalg";
import { ShapeError } from "../errors.ts";
import { conv2d } from "../ops/convolution.ts";
import { add, relu } from "../ops/elementwise.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { logSoftmax } from "../ops/loss.ts";
import { matmul } from "../ops/matmul.ts";
import { maxPool2d } from "../ops/pooling.ts";
import type { Random } from "../random/random.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { fans, type Initializer, kaimingUniform, uniformBias } from "./initializers.ts";
import { Module } from "./module.ts";

export interface LayerOptions {
  /** Draws the initial parameters. */
  readonly random: Random;
  /** float32 by default, as networks are trained. */
  readonly dtype?: DType;
  /** Whether there is a bias; true by default. */
  readonly bias?: boolean;
  readonly initializer?: Initializer;
}

/** x W' + b for x (..., inputs): weight W (outputs, inputs), bias b (outputs). */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(
    inputs: number,
    outputs: number,
    { random, dtype = "float32", bias = true, initializer = kaimingUniform() }: LayerOptions,
  ) {
    super();
    this.weight = initializer([outputs, inputs], random, dtype);
    this.bias = bias ? uniformBias(outputs, inputs, random, dtype) : null;
  }

  override forward(x: Tensor): Tensor {
    const [outputs, inputs] = this.weight.shape;
    if (x.shape[x.rank - 1] !== inputs)
      throw new ShapeError(
        "Linear",
        [x.shape],
        `(..., ${inputs}) for a layer of ${inputs} inputs and ${outputs} outputs`,
      );
    const y = matmul(x, transpose(this.weight));
    return this.bias ? add(y, this.bias) : y;
  }
}

export interface Conv2dOptions extends LayerOptions {
  readonly stride?: number;
  readonly padding?: number;
}

/** The convolution of images (N, inputs, H, W) with `outputs` filters of size x size: weight (outputs, inputs, size, size), bias (outputs). */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: number;
  readonly padding: number;

  constructor(inputs: number, outputs: number, size: number, options: Conv2dOptions) {
    super();
    const { random, dtype = "float32", bias = true, initializer = kaimingUniform(), stride = 1, padding = 0 } = options;
    const shape = [outputs, inputs, size, size];
    this.weight = initializer(shape, random, dtype);
    this.bias = bias ? uniformBias(outputs, fans(shape).fanIn, random, dtype) : null;
    this.stride = stride;
    this.padding = padding;
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, { stride: this.stride, padding: this.padding });
  }
}

/** The maximum of each size x size window, window beside window. */
export class MaxPool2d extends Module {
  readonly size: number;

  constructor(size: number) {
    super();
    this.size = size;
  }

  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.size);
  }
}

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** (N, ...) to (N, everything else in one axis). */
export class Flatten extends Module {
  override forward(x: Tensor): Tensor {
    if (x.rank === 0) throw new ShapeError("Flatten", [x.shape], "a batch (N, ...)");
    return reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
  }
}

/** `logSoftmax` along the last axis. */
export class LogSoftmax extends Module {
  override forward(x: Tensor): Tensor {
    return logSoftmax(x, -1);
  }
}

/** One module after another; their parameters are named "0.weight", "0.bias", ... */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    this.layers = layers;
  }

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }

  override parameters(): Map<string, Tensor> {
    const named = this.layers.flatMap((layer, i) =>
      [...layer.parameters()].map(([name, p]) => [`${i}.${name}`, p] as const),
    );
    return new Map(named);
  }
}
