import { alternating } from "../differentiate/alternating.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { unrolled } from "../differentiate/unrolled.ts";

/**
 * The rules that a comparison takes when it is given none, in the order of its table. A rule set here appears in every
 * comparison: `differentiationRules.set("mine", myRule)`.
 */
export const differentiationRules = new Map<string, () => DifferentiationRule>([
  ["implicit", () => implicit()],
  ["alternating", () => alternating()],
  ["unrolled", () => unrolled()],
]);
