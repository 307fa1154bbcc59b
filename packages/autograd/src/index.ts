export type { DType, FloatArray } from "@solvegrad/linalg";
export { eye, full, ones, type TensorOptions, tensor, zeros } from "./creation.ts";
export {
  ArgumentRangeError,
  AxisError,
  DTypeError,
  GradientError,
  NotDifferentiableTwiceError,
  NotPositiveDefiniteError,
  ShapeError,
} from "./errors.ts";
export { GradcheckError, type GradcheckOptions, gradcheck } from "./gradcheck.ts";
export {
  fans,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  xavierUniform,
} from "./nn/initializers.ts";
export {
  Conv2d,
  type Conv2dOptions,
  Flatten,
  type LayerOptions,
  Linear,
  LogSoftmax,
  MaxPool2d,
  ReLU,
  Sequential,
} from "./nn/layers.ts";
export { Module } from "./nn/module.ts";
export * from "./ops/index.ts";
export { Adam, type AdamOptions } from "./optim/adam.ts";
export { Optimizer, type OptimizerState } from "./optim/optimizer.ts";
export { SGD, type SGDOptions } from "./optim/sgd.ts";
export { type IntegerOptions, type NormalOptions, Random, random, type UniformOptions } from "./random/random.ts";
export type { Shape } from "./shape.ts";
export { type CustomOpOptions, customOp } from "./tape/custom-op.ts";
export { type BackwardOptions, type GradOptions, grad } from "./tape/gradient.ts";
export { isGradEnabled, noGrad, withRecording } from "./tape/recording.ts";
export { tapeBytes } from "./tape/tape-bytes.ts";
export { type Nested, Tensor } from "./tensor.ts";
export { hessian, jacobian, jvp, type Pullback, vjp } from "./transforms/functions.ts";
export type { Values } from "./values.ts";
