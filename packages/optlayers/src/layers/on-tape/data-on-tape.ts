import { Tensor, tensor } from "@solvegrad/autograd";
import type { Datum } from "../../problem/quadratic-program.ts";
import type { DataOnTape } from "./lagrangian.ts";

/** A datum that takes part in the gradient. */
export interface DifferentiableDatum<N extends string> {
  readonly name: N;
  readonly value: Tensor;
}

/** The data that came as Tensors which require gradients. */
export function differentiableData<N extends string>(
  names: readonly N[],
  data: Readonly<Partial<Record<N, unknown>>>,
): DifferentiableDatum<N>[] {
  return names.flatMap((name) => {
    const value: unknown = data[name];
    return value instanceof Tensor && value.requiresGrad ? [{ name, value }] : [];
  });
}

/** Whether results have a batch dimension, and of how many items. */
export interface BatchShape {
  readonly batch: number;
  readonly batched: boolean;
}

/** All data in float64: those that take part in the gradient linked to the caller's tensors, the others constant. */
export function dataOnTape<N extends string>(
  names: readonly N[],
  inputs: readonly DifferentiableDatum<N>[],
  problem: BatchShape & Readonly<Record<N, Datum>>,
): DataOnTape<N> {
  const constants = names.map((name) => {
    const { values, shape, batched } = problem[name];
    return [name, tensor(values, { shape: batched ? [problem.batch, ...shape] : [...shape] })] as const;
  });
  const linked = inputs.map(({ name, value }) => [name, value.to("float64")] as const);
  return Object.fromEntries([...constants, ...linked]) as Record<N, Tensor>;
}
