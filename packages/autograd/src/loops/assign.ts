import ops from "ndarray-ops";
import { contiguousData, isContiguous, type Values } from "../values.ts";

/** target <- source, of the same shape. */
export function assignValues(target: Values, source: Values): void {
  if (isContiguous(target) && isContiguous(source)) target.data.set(contiguousData(source), target.offset);
  else ops.assign(target, source);
}
