import { allocate, type FloatArray } from "@solvegrad/linalg";
import { ArgumentRangeError, DTypeError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { isContiguous } from "../values.ts";

/** What an optimizer remembers between steps, as plain data: numbers, and one array for each parameter under each name. */
export interface OptimizerState {
  readonly numbers: Readonly<Record<string, number>>;
  readonly arrays: Readonly<Record<string, Readonly<Record<string, FloatArray>>>>;
}

/** A rule that moves parameters, in place, against their gradients. */
export abstract class Optimizer {
  readonly #parameters: ReadonlyMap<string, Tensor>;
  /** What the rule accumulates for each parameter, under a name of the rule's. */
  readonly #arrays: Record<string, Record<string, FloatArray>> = {};
  protected numbers: Record<string, number>;

  constructor(parameters: ReadonlyMap<string, Tensor>, arrays: readonly string[], numbers: Record<string, number>) {
    if (!(parameters instanceof Map)) {
      const expected = 'a Map of tensors by name, such as model.parameters() or new Map([["theta", theta]])';
      throw new ArgumentRangeError(
        "optimizer",
        "parameters",
        Array.isArray(parameters) ? "a list" : "no Map",
        expected,
      );
    }
    for (const [name, { value }] of parameters) {
      if (!isContiguous(value))
        throw new ArgumentRangeError(
          "optimizer",
          `parameter ${name}`,
          "a strided view",
          "a contiguous tensor, which can be updated in place",
        );
    }
    this.#parameters = new Map(parameters);
    this.numbers = numbers;
    for (const array of arrays) {
      const zeros = [...parameters].map(([name, p]) => [name, allocate(p.dtype, p.size)] as const);
      this.#arrays[array] = Object.fromEntries(zeros);
    }
  }

  /** Moves every parameter that has a gradient. */
  step(): void {
    this.advance();
    for (const [name, parameter] of this.#parameters) {
      if (!parameter.grad) continue;
      if (parameter.grad.dtype !== parameter.dtype)
        throw new DTypeError(`optimizer, parameter ${name}`, [parameter.dtype, parameter.grad.dtype]);
      const memory = Object.values(this.#arrays).map((arrays) => arrays[name]);
      this.update(parameter.data(), parameter.grad.data(), memory);
    }
  }

  /** Forgets the gradients, for the next step's to accumulate from nothing. */
  zeroGrad(): void {
    for (const parameter of this.#parameters.values()) parameter.grad = null;
  }

  /** A copy of everything a later `load` needs to go on exactly as this optimizer would. */
  state(): OptimizerState {
    const copied = Object.entries(this.#arrays).map(([array, byName]) => [
      array,
      Object.fromEntries(Object.entries(byName).map(([name, values]) => [name, values.slice()])),
    ]);
    return { numbers: { ...this.numbers }, arrays: Object.fromEntries(copied) };
  }

  /** Takes over a state, of an optimizer of the same kind for parameters of the same names and sizes. */
  load(state: OptimizerState): void {
    for (const [array, byName] of Object.entries(this.#arrays)) {
      for (const [name, values] of Object.entries(byName)) values.set(matching(state, array, name, values.length));
    }
    for (const key of Object.keys(this.numbers)) this.numbers[key] = numberIn(state, key);
  }

  /** Once a step, before any parameter moves. */
  protected advance(): void {}

  /** Moves one parameter, given the gradient and what is remembered of that parameter. */
  protected abstract update(theta: FloatArray, g: FloatArray, memory: readonly FloatArray[]): void;
}

/** Throws unless the hyperparameter is a number from `least` up to, not including, `limit`. */
export function checkRange(
  optimizer: string,
  name: string,
  value: number,
  least: number,
  limit = Number.POSITIVE_INFINITY,
): void {
  if (!(value >= least && value < limit))
    throw new ArgumentRangeError(
      optimizer,
      name,
      String(value),
      `a number from ${least} up to, not including, ${limit}`,
    );
}

function matching(state: OptimizerState, array: string, name: string, length: number): FloatArray {
  const values = state.arrays[array]?.[name];
  if (values?.length === length) return values;
  throw new ArgumentRangeError(
    "load",
    `state.arrays.${array}["${name}"]`,
    values ? `of length ${values.length}` : "missing",
    `${length} numbers`,
  );
}

function numberIn(state: OptimizerState, key: string): number {
  const value = state.numbers[key];
  if (typeof value === "number") return value;
  throw new ArgumentRangeError("load", `state.numbers.${key}`, String(value), "a number");
}
