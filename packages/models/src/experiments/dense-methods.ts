import { quadraticLayer } from "@solvegrad/optlayers";
import { type Differentiation, layerMethod } from "../networks/layer-method.ts";
import type { TimedLayer } from "./layer-times.ts";

/** The QP layer by a rule and its solver, both stopped at the tolerance; items that fail are masked, and their status says so. */
export function denseLayer(rule: Differentiation, tolerance: number): TimedLayer {
  const method = layerMethod(rule, { tolerance });
  return ({ Q, q, ...rows }) => quadraticLayer({ Q, q, ...rows }, { ...method, onFailure: "mask" });
}
