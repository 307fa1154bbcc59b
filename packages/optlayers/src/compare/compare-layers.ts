import { grad, random, type Tensor, tapeBytes } from "@solvegrad/autograd";
import { OptionError } from "../errors.ts";
import { distanceBetween, distanceOverall, type GradientDistance, lengthOverall } from "./distance.ts";

/** One way to compute a layer: from named inputs to one output or several. */
export type LayerUnderTest = (inputs: Readonly<Record<string, Tensor>>) => Tensor | readonly Tensor[];

export interface LayerComparisonOptions {
  /** The layer that the others are measured against; the first one by default. */
  readonly reference?: string;
  /** One cotangent for each output; standard normal numbers by default, the same for all layers. */
  readonly cotangents?: readonly Tensor[];
}

/** What one layer gave, and how far it is from the reference. */
export interface LayerRow {
  readonly layer: string;
  readonly gradients: Readonly<Record<string, Float64Array>>;
  /** |outputs - outputs of the reference| / |outputs of the reference|. */
  readonly outputDifference: number;
  /** All inputs taken as one vector. */
  readonly overall: GradientDistance;
  readonly perInput: Readonly<Record<string, GradientDistance>>;
  readonly forwardMilliseconds: number;
  readonly backwardMilliseconds: number;
  /** Of the tape between the two. */
  readonly tapeBytes: number;
}

export interface LayerComparison {
  readonly reference: string;
  readonly layers: readonly LayerRow[];
}

/**
 * Compares the gradients of any layers that claim to compute the same, by the tape: the loss is the sum of the outputs times
 * their cotangents, and its gradients with respect to the inputs that require one are measured against the reference's.
 *
 *     compareLayers({
 *       implicit: ({ q }) => quadraticLayer({ Q, q, G, h }).x,
 *       unrolled: ({ q }) => quadraticLayer({ Q, q, G, h }, { solver: admm(), differentiation: unrolled() }).x,
 *       "by hand": ({ q }) => myProjection(q),
 *     }, { q })
 *
 * Throws an `OptionError` where there is no layer, no input that requires a gradient, or no layer of the reference's name.
 */
export function compareLayers(
  layers: Readonly<Record<string, LayerUnderTest>>,
  inputs: Readonly<Record<string, Tensor>>,
  { reference = Object.keys(layers)[0], cotangents }: LayerComparisonOptions = {},
): LayerComparison {
  const names = Object.keys(inputs).filter((name) => inputs[name].requiresGrad);
  if (names.length === 0) throw new OptionError("inputs", Object.keys(inputs).join(), "an input with requiresGrad");
  if (!(reference in layers)) throw new OptionError("reference", reference, `one of ${Object.keys(layers).join(", ")}`);
  const runs = Object.entries(layers).map(([layer, compute]) => run(layer, compute, inputs, names, cotangents));
  const target = runs.find(({ layer }) => layer === reference) ?? runs[0];
  return { reference, layers: runs.map((one) => row(one, target)) };
}

type Run = Pick<LayerRow, "layer" | "gradients" | "forwardMilliseconds" | "backwardMilliseconds" | "tapeBytes"> & {
  readonly outputs: Float64Array;
};

function run(
  layer: string,
  compute: LayerUnderTest,
  inputs: Readonly<Record<string, Tensor>>,
  names: readonly string[],
  cotangents: readonly Tensor[] | undefined,
): Run {
  const begin = performance.now();
  const computed = compute(inputs);
  const outputs = Array.isArray(computed) ? computed : [computed as Tensor];
  const middle = performance.now();
  const loss = lossOf(outputs, cotangents ?? normals(outputs));
  const bytes = tapeBytes(loss);
  const found = grad(
    loss,
    names.map((name) => inputs[name]),
  );
  const end = performance.now();
  const numbers = (value: Tensor) => Float64Array.from(value.data());
  return {
    layer,
    gradients: Object.fromEntries(names.map((name, k) => [name, numbers(found[k])])),
    outputs: Float64Array.from(outputs.flatMap((output) => [...output.data()])),
    forwardMilliseconds: middle - begin,
    backwardMilliseconds: end - middle,
    tapeBytes: bytes,
  };
}

function lossOf(outputs: readonly Tensor[], cotangents: readonly Tensor[]): Tensor {
  if (cotangents.length !== outputs.length) {
    throw new OptionError("cotangents", `a list of ${cotangents.length}`, `one for each of ${outputs.length} outputs`);
  }
  return outputs.map((output, k) => output.mul(cotangents[k]).sum()).reduce((sum, term) => sum.add(term));
}

function normals(outputs: readonly Tensor[]): Tensor[] {
  const numbers = random(0);
  return outputs.map(({ shape, dtype }) => numbers.normal([...shape], { dtype }));
}

function row({ outputs, ...own }: Run, target: Run): LayerRow {
  const whole = lengthOverall(target.gradients);
  const distances = Object.entries(own.gradients).map(([name, gradient]): [string, GradientDistance] => [
    name,
    distanceBetween(gradient, target.gradients[name], whole),
  ]);
  return {
    ...own,
    outputDifference: distanceBetween(outputs, target.outputs).relativeDifference,
    overall: distanceOverall(own.gradients, target.gradients),
    perInput: Object.fromEntries(distances),
  };
}
