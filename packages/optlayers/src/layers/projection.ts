import { gate, Tensor, tensor } from "@solvegrad/autograd";
import { maxAbs } from "../arrays.ts";
import { OptimizationError } from "../errors.ts";
import { checkFinite } from "../problem/check-values.ts";
import type { Datum } from "../problem/quadratic-program.ts";
import { readData } from "../problem/read-data.ts";
import { type DatumInput, readDatum } from "../problem/read-datum.ts";
import {
  type ConvexSet,
  checkParameters,
  checkSet,
  parameterInput,
  type SetItem,
  type SetLetter,
  setItems,
} from "../sets/convex-set.ts";
import type { Status } from "../solvers/solver.ts";
import { checkOnFailure, type OnFailure } from "./solution-on-tape.ts";
import { usableMask } from "./usable-mask.ts";

export interface ProjectionLayerOptions {
  /** What an item whose set is empty does: "raise" (the default) throws, "mask" gives it zeros and a gradient of zero. */
  readonly onFailure?: OnFailure;
}

export interface ProjectionLayerResult {
  /** P(z): (n), or (B, n) where z or a parameter of the set is batched. */
  readonly x: Tensor;
  /** "solved", "primal_infeasible" for an empty set, or "numerical_error" where the digits do not suffice to tell P(z). */
  readonly status: readonly Status[];
}

/**
 * The point of a set that is nearest to z, x = P(z), as a layer: `box`, `simplex`, `ball`, `affine`. z and the set's
 * parameters that are Tensors take part in the gradient, which may be differentiated again, to any order. At kinks it is
 * one-sided: see `ConvexSet.project`.
 *
 * An item whose set is empty, or whose projection in Tensor ops is not the one that the set has in plain numbers, raises an
 * `OptimizationError`. Throws a `DatumTypeError` or a `DatumRangeError` for data of the
 * wrong type, shape or values.
 */
export function projectionLayer(
  set: ConvexSet,
  z: DatumInput,
  { onFailure = "raise" }: ProjectionLayerOptions = {},
): ProjectionLayerResult {
  checkOnFailure(onFailure);
  checkSet(set);
  const { data, sizes, batch, batched, dtype, given } = readPoint(set, z);
  const shaped = ({ values, shape, batched: own }: Datum) =>
    tensor(values, { dtype, shape: own ? [batch, ...shape] : [...shape] });
  const asTensor = (name: string): Tensor => {
    const value = given[name];
    return value instanceof Tensor ? value : shaped(data[name]);
  };
  const point = batched ? asTensor("z").broadcastTo([batch, sizes.n]) : asTensor("z");
  const names = Object.keys(set.parameters);
  const x = set.project(point, Object.fromEntries(names.map((name) => [name, asTensor(name)])));
  const status = judged(setItems(set, data, sizes.n, batch), point, x);
  const failed = [...status.keys()].filter((i) => status[i] !== "solved");
  if (failed.length > 0 && onFailure === "raise") throw new OptimizationError(set.name, status, failed);
  return { x: failed.length > 0 ? gate(x, usableMask(status, x)) : x, status };
}

/** Most by which P in Tensor ops and in plain numbers may differ, relative to x. */
const agreement = { float64: 1e-7, float32: 1e-4 };

/** The statuses of the items: the projection that is on the tape is believed where the set's own in plain numbers confirms it. */
function judged(items: readonly SetItem[], z: Tensor, x: Tensor): Status[] {
  const n = x.size / items.length;
  const [points, found] = [Float64Array.from(z.data()), Float64Array.from(x.data())];
  const confirmed = new Float64Array(n);
  return items.map((item, i) => {
    if (item.isEmpty) return "primal_infeasible";
    const [from, to] = [points, found].map((rows) => rows.subarray(i * n, (i + 1) * n));
    item.project(from, confirmed);
    const size = maxAbs(confirmed);
    for (let j = 0; j < n; j++) confirmed[j] -= to[j];
    const bound = agreement[x.dtype] * (size + 1e-6 * maxAbs(from));
    return maxAbs(confirmed) <= bound ? "solved" : "numerical_error";
  });
}

function readPoint(set: ConvexSet, z: DatumInput) {
  const n = readDatum("z", z).shape.at(-1) ?? 0;
  const names = ["z", ...Object.keys(set.parameters)];
  const given: Record<string, DatumInput | number> = { z };
  for (const name of names.slice(1)) given[name] = parameterInput(set, name, n);
  const dimensions: Record<string, readonly SetLetter[]> = { z: ["n"], ...set.dimensions };
  const equations = names.find((name) => dimensions[name].length === 1 && dimensions[name][0] === "p");
  const extents: Record<SetLetter, string> = { n: "z", p: equations ?? "z" };
  const schema = {
    problem: `a projection on a ${set.name}`,
    names,
    dimensions,
    extents,
    required: names,
    partners: {},
  };
  const read = readData(schema, given);
  const data = read.data as Record<string, Datum>;
  checkFinite("z", data.z);
  checkParameters(set, data);
  return { ...read, data, given };
}
