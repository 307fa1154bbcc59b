import {
  add,
  concat,
  eye,
  Linear,
  Module,
  mul,
  neg,
  ones,
  type Random,
  ReLU,
  Sequential,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "@solvegrad/autograd";
import { type QuadraticProgramData, quadraticLayer, type Solution } from "@solvegrad/optlayers";
import { OptNet, type OptNetStart } from "./optnet.ts";
import type { QuadraticModuleOptions } from "./quadratic-module.ts";

/** A network that takes noisy signals (B x length) and returns what it believes they were. */
export interface Denoiser extends Module {
  /** What the solver said about the last batch, where there is an optimization layer. */
  readonly lastSolution: Solution | null;
  /** The data of the layer's QP for noisy signals (B x length), where there is a layer; its first variables are the answer. */
  layerData?(noisy: Tensor): QuadraticProgramData;
}

export interface DenoisingOptions extends QuadraticModuleOptions {
  /** Samples a signal. Default 100. */
  readonly length?: number;
}

/** The fully connected baseline of OptNet's denoising experiment: one hidden layer with ReLU (100 - 50 - 100). */
export class DenoisingPerceptron extends Module implements Denoiser {
  readonly layers: Sequential;
  readonly lastSolution = null;

  constructor(random: Random, { length = 100, hidden = 50 }: { length?: number; hidden?: number } = {}) {
    super();
    const options = { random, dtype: "float64" } as const;
    this.layers = new Sequential(new Linear(length, hidden, options), new ReLU(), new Linear(hidden, length, options));
  }

  override forward(noisy: Tensor): Tensor {
    return this.layers.forward(noisy);
  }
}

/** Added to Q's diagonal (the paper's code: eps). */
const epsilon = 1e-4;
/** Of the variables t that stand for absolute differences, in Q. */
const tiny = 1e-8;

/** D with (Dx)_i = x_i - x_{i+1}: (length - 1) x length. */
function differences(length: number): Tensor {
  const D = new Float64Array((length - 1) * length);
  for (let i = 0; i < length - 1; i++) {
    D[i * length + i] = 1;
    D[i * length + i + 1] = -1;
  }
  return tensor(D, { shape: [length - 1, length] });
}

/** [[D, -I], [-D, -I]]: the rows D x - t <= 0 and -D x - t <= 0 of |D x| <= t. */
function absoluteRows(D: Tensor): Tensor {
  const minus = neg(eye(D.shape[0]));
  return concat([concat([D, minus], 1), concat([neg(D), minus], 1)], 0);
}

/** diag(1 on the signal, 1e-8 on t). */
function diagonal(length: number, power: number): Tensor {
  const size = 2 * length - 1;
  const Q = new Float64Array(size * size);
  for (let i = 0; i < size; i++) Q[i * size + i] = i < length ? 1 : tiny ** power;
  return tensor(Q, { shape: [size, size] });
}

/**
 * Total variation with a learned differencing operator D, started at random (OptNet, section 4.2):
 *
 *     minimize 1/2 |x - y|^2 + 13 * 1't   subject to  |D x| <= t        (Q has 1e-4 more on its diagonal)
 */
export class LearnedDifferences extends Module implements Denoiser {
  readonly D: Tensor;
  lastSolution: Solution | null = null;
  readonly #options: DenoisingOptions;
  readonly #length: number;
  readonly #Q: Tensor;

  constructor(random: Random, options: DenoisingOptions) {
    super();
    this.#options = options;
    this.#length = options.length ?? 100;
    this.D = random.normal([this.#length - 1, this.#length], { deviation: 0.3 });
    this.D.requiresGrad = true;
    this.#Q = add(diagonal(this.#length, 1), mul(eye(2 * this.#length - 1), epsilon));
  }

  layerData(noisy: Tensor): QuadraticProgramData {
    const pieces = this.#length - 1;
    const penalties = mul(ones([noisy.shape[0], pieces]), 13);
    const q = concat([neg(noisy), penalties], 1);
    return { Q: this.#Q, q, G: absoluteRows(this.D), h: zeros([2 * pieces]) };
  }

  override forward(noisy: Tensor): Tensor {
    const { x, solution } = quadraticLayer(this.layerData(noisy), this.#options);
    this.lastSolution = solution;
    return slice(x, 1, 0, this.#length);
  }
}

/**
 * An `OptNet` layer started at total variation (OptNet, section 4.2): of the variables (x, t) x is the answer, and the input
 * enters by a linear map,
 *
 *     minimize 1/2 z'Qz + (W y + w)'z   subject to  G z <= h,      Q = L L' + 1e-4 I,  h = G z0 + s0,
 *
 * everything learned. It begins where the layer is total variation with the given lambda, with a little noise:
 * W = [-I; 0], w = (0, lambda), G = [[D, -I], [-D, -I]], s0 = 1 and z0 such that h = 0.
 */
export class DenoisingOptNet extends Module implements Denoiser {
  readonly input: Linear;
  readonly layer: OptNet;
  readonly #length: number;

  constructor(random: Random, options: DenoisingOptions & { readonly lambda: number }) {
    super();
    const { length = 100, lambda, ...method } = options;
    const n = 2 * length - 1;
    this.#length = length;
    this.layer = new OptNet(random, { ...method, n, epsilon, start: totalVariationStart(length, random) });
    this.input = new Linear(length, n, { random, dtype: "float64" });
    startAtTotalVariation(this.input, length, lambda, random);
  }

  get lastSolution(): Solution | null {
    return this.layer.lastSolution;
  }

  layerData(noisy: Tensor): QuadraticProgramData {
    return this.layer.layerData(this.input.forward(noisy));
  }

  override forward(noisy: Tensor): Tensor {
    return slice(this.layer.forward(this.input.forward(noisy)), 1, 0, this.#length);
  }
}

function totalVariationStart(length: number, random: Random): OptNetStart {
  const noise = (size: number) => random.normal([size], { deviation: 1e-6 });
  const pieces = length - 1;
  const s0 = add(ones([2 * pieces]), noise(2 * pieces));
  // G (0, 1) = -1 in every row: z0 = (0, 1) gives h = G z0 + s0 = 0
  const z0 = add(concat([zeros([length]), ones([pieces])], 0), noise(length + pieces));
  return { L: diagonal(length, 0.5), G: absoluteRows(differences(length)), z0, s0 };
}

/** Sets the weights so that q = (-y, lambda), with noise of 1e-3. */
function startAtTotalVariation({ weight, bias }: Linear, length: number, lambda: number, random: Random): void {
  const W = weight.data();
  W.set(random.normal([W.length], { deviation: 1e-3 }).data());
  for (let i = 0; i < length; i++) W[i * length + i] -= 1;
  bias?.data().fill(0, 0, length).fill(lambda, length);
}
