import type { FloatArray } from "@solvegrad/linalg";
import type { Tensor } from "../tensor.ts";
import { history } from "./backpropagate.ts";

/**
 * Bytes held by the graph that made `output`: every typed array behind its inputs, intermediate results and outputs,
 * each counted once however many views of it there are, and what custom ops declared.
 */
export function tapeBytes(output: Tensor): number {
  const arrays = new Set<FloatArray>([output.value.data]);
  let extra = 0;
  for (const node of history(output)) {
    for (const tensor of [...node.inputs, ...node.outputs]) arrays.add(tensor.value.data);
    extra += node.extraBytes;
  }
  return [...arrays].reduce((bytes, array) => bytes + array.byteLength, extra);
}
