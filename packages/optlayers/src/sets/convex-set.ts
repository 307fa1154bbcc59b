import { type Tensor, tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { checkFinite } from "../problem/check-values.ts";
import { type Datum, itemOf } from "../problem/quadratic-program.ts";
import type { DatumInput } from "../problem/read-datum.ts";

/** A parameter as a caller gives it; a number stands for an array that is full of it. */
export type SetParameter = DatumInput | number;

/** The letters of a parameter's dimensions: n variables, p equations. */
export type SetLetter = "n" | "p";

/**
 * A closed convex set of vectors of n numbers with a cheap projection P(z) = argmin |x - z| over it. Its parameters may be
 * Tensors, and each may have a leading batch dimension: one set an item.
 */
export interface ConvexSet {
  readonly name: string;
  /** The parameters by their names, in the order that every report keeps. */
  readonly parameters: Readonly<Record<string, SetParameter>>;
  /** The dimensions of each parameter of one set. */
  readonly dimensions: Readonly<Record<string, readonly SetLetter[]>>;
  /** The parameters that may be infinite, and on which side. */
  readonly bounds?: Readonly<Record<string, "upper bound" | "lower bound">>;
  /**
   * P(z) in Tensor ops, z (n) or (B, n): differentiable in z and every parameter, to any order. Where P has a kink (z on the
   * boundary between two pieces) it is the piece on which fewer constraints bind: one-sided, and finite. For an empty set the
   * value means nothing, but is finite.
   */
  project(z: Tensor, parameters: Readonly<Record<string, Tensor>>): Tensor;
  /** The set of one item, from the numbers of its parameters. */
  item(parameters: Readonly<Record<string, Float64Array>>, n: number): SetItem;
}

/** One set in plain numbers. */
export interface SetItem {
  readonly isEmpty: boolean;
  /** x <- P(z); x may be z. */
  project(z: Float64Array, x: Float64Array): void;
  /** How P moves at z. */
  tangent(z: Float64Array): Tangent;
}

/**
 * The derivative of a projection in z, P'(z) = shrink T, with T an orthogonal projection: on the directions that stay in
 * the face of P(z). It is symmetric. Where the boundary is curved, shrink is below 1.
 */
export interface Tangent {
  /** v <- T v. */
  apply(v: Float64Array): void;
  readonly shrink: number;
}

/** Refuses what is no set, as may come from JavaScript: the function that makes one, its name. */
export function checkSet(set: ConvexSet): void {
  checkMethod("set", set, "project", "a set such as box(0, 1)");
}

/** A parameter for n variables: a number becomes a vector where the set has one. */
export function parameterInput(set: ConvexSet, name: string, n: number): SetParameter {
  const value = set.parameters[name];
  const isVector = set.dimensions[name].length === 1;
  return typeof value === "number" && isVector ? new Array<number>(n).fill(value) : value;
}

/** Refuses parameters that are NaN or infinite where they may not be. */
export function checkParameters(set: ConvexSet, data: Readonly<Record<string, Datum>>): void {
  for (const name of Object.keys(set.parameters)) checkFinite(name, data[name], set.bounds?.[name] ?? "value");
}

/** The sets of all items; a set that all share is one object. */
export function setItems(set: ConvexSet, data: Readonly<Record<string, Datum>>, n: number, batch: number): SetItem[] {
  const names = Object.keys(set.parameters);
  const at = (i: number) => set.item(Object.fromEntries(names.map((name) => [name, itemOf(data[name], i)])), n);
  if (names.some((name) => data[name].batched)) return Array.from({ length: batch }, (_, i) => at(i));
  return new Array<SetItem>(batch).fill(at(0));
}

/** A datum as a Tensor of float64, with its batch axis where it has one. */
export function datumTensor({ values, shape, batched }: Datum, batch: number): Tensor {
  return tensor(values, { shape: batched ? [batch, ...shape] : [...shape] });
}
