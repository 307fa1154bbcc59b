import { NotDifferentiableTwiceError } from "../errors.ts";
import { add } from "../ops/elementwise.ts";
import type { Tensor } from "../tensor.ts";
import type { TapeNode } from "./node.ts";
import { withRecording } from "./recording.ts";

/**
 * Reverse accumulation: the cotangents of `wanted` for one cotangent of `output`, as a map that has no entry for a
 * tensor that `output` does not depend on. Nodes run from the youngest to the oldest, each once, when the cotangents
 * of its outputs are complete; nodes that lead to nothing wanted are left out. No recursion: a graph may be deep.
 */
export function backpropagate(
  output: Tensor,
  cotangent: Tensor,
  wanted: ReadonlySet<Tensor>,
  createGraph: boolean,
): Map<Tensor, Tensor> {
  const cotangents = new Map([[output, cotangent]]);
  const useful = usefulNodes(output, wanted);
  const isUseful = (t: Tensor) => wanted.has(t) || (t.node !== null && useful.has(t.node));
  withRecording(createGraph, () => {
    for (const node of [...useful].reverse()) {
      const outgoing = node.outputs.map((tensor) => cotangents.get(tensor) ?? null);
      if (outgoing.every((c) => c === null)) continue;
      if (createGraph && !node.differentiable) throw new NotDifferentiableTwiceError(node.name);
      const needs = node.inputs.map(isUseful);
      const incoming = node.vjp(outgoing, needs);
      node.inputs.forEach((input, i) => {
        const c = incoming[i];
        if (!needs[i] || !c) return;
        const sum = cotangents.get(input);
        cotangents.set(input, sum ? add(sum, c) : c);
      });
      for (const tensor of node.outputs) if (!wanted.has(tensor)) cotangents.delete(tensor);
    }
  });
  return cotangents;
}

/** The nodes between `wanted` and `output`, oldest first. */
function usefulNodes(output: Tensor, wanted: ReadonlySet<Tensor>): Set<TapeNode> {
  const useful = new Set<TapeNode>();
  for (const node of history(output).sort((a, b) => a.number - b.number)) {
    if (node.inputs.some((t) => wanted.has(t) || (t.node !== null && useful.has(t.node)))) useful.add(node);
  }
  return useful;
}

/** Every node that had a part in making `output`, in no particular order. */
export function history(output: Tensor): TapeNode[] {
  const seen = new Set<TapeNode>();
  const open = output.node ? [output.node] : [];
  for (let node = open.pop(); node; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) if (input.node) open.push(input.node);
  }
  return [...seen];
}

/** The tensors that `output` was made from, that require a gradient and were not themselves made by an op. */
export function leavesOf(output: Tensor): Set<Tensor> {
  const leaves = new Set<Tensor>();
  if (output.requiresGrad && !output.node) leaves.add(output);
  for (const node of history(output)) {
    for (const input of node.inputs) if (input.requiresGrad && !input.node) leaves.add(input);
  }
  return leaves;
}
