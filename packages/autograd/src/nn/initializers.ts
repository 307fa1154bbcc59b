import type { DType } from "@solvegrad/linalg";
import type { Random } from "../random/random.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** How to draw a weight (out, in, ...): its trailing axes are the receptive field. */
export type Initializer = (shape: Shape, random: Random, dtype: DType) => Tensor;

/** Inputs that one output sums over, and outputs that one input enters. */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

/**
 * Uniform on [-r, r] with r = sqrt(6 / ((1 + a^2) fanIn)): keeps the variance of activations through rectifiers with
 * slope `a` below zero (He et al., Delving deep into rectifiers, 2015). The default a = sqrt(5), that is r = 1/sqrt(fanIn), is PyTorch's for
 * its linear and convolution layers.
 */
export function kaimingUniform(a = Math.sqrt(5)): Initializer {
  return (shape, random, dtype) => symmetric(shape, Math.sqrt(6 / ((1 + a * a) * fans(shape).fanIn)), random, dtype);
}

/** Normal with variance 2 / ((1 + a^2) fanIn). */
export function kaimingNormal(a = 0): Initializer {
  return (shape, random, dtype) =>
    parameter(random.normal(shape, { deviation: Math.sqrt(2 / ((1 + a * a) * fans(shape).fanIn)), dtype }));
}

/** Uniform on [-r, r] with r = sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function xavierUniform(): Initializer {
  return (shape, random, dtype) => {
    const { fanIn, fanOut } = fans(shape);
    return symmetric(shape, Math.sqrt(6 / (fanIn + fanOut)), random, dtype);
  };
}

/** A bias of `count` entries, uniform on [-1/sqrt(fanIn), 1/sqrt(fanIn)]. */
export function uniformBias(count: number, fanIn: number, random: Random, dtype: DType): Tensor {
  return symmetric([count], fanIn === 0 ? 0 : 1 / Math.sqrt(fanIn), random, dtype);
}

function symmetric(shape: Shape, radius: number, random: Random, dtype: DType): Tensor {
  return parameter(random.uniform(shape, { low: -radius, high: radius, dtype }));
}

function parameter(values: Tensor): Tensor {
  values.requiresGrad = true;
  return values;
}
