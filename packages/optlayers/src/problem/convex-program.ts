import { Tensor, tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkCount } from "../check-options.ts";
import { DatumRangeError, DatumTypeError, describeDatum } from "../errors.ts";
import { checkFinite } from "./check-values.ts";
import type { Datum, LinearConstraints } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import { type DatumInput, readDatum } from "./read-datum.ts";
import { type ObjectiveFunction, SmoothObjective } from "./smooth-objective.ts";

/** The parameters of an objective by their place in its arguments: theta0, theta1, ... */
export type ThetaName = `theta${number}`;
/** The names of a convex program's data. */
export type ConvexName = ThetaName | "A" | "b" | "G" | "h";

/**
 * A validated batch of convex programs
 *
 *     minimize f(x; theta0, theta1, ...)   subject to  Ax = b (nu),  Gx <= h (lambda >= 0)
 *
 * with f convex and twice differentiable on its domain, stated in Tensor ops. The batch axis of a theta is the objective's
 * own affair, so theta data count as shared: their cotangents have their shape, and sum over whatever f shares.
 */
export interface ConvexProgram extends LinearConstraints {
  readonly kind: "convex";
  readonly objective: ObjectiveFunction;
  /** theta0, theta1, ...: the data of these names. */
  readonly thetaNames: readonly ThetaName[];
  readonly [theta: ThetaName]: Datum;
  /** Where solvers begin: a point of f's domain for every item, feasible or not. */
  readonly start: Datum;
}

/** A convex program as a user states it. A and b, or G and h, may be left out together. */
export interface ConvexProgramData {
  /** f(x, ...theta): (n) to a single number or, batched, (B, n) to (B). It is evaluated in float64. */
  readonly objective: ObjectiveFunction;
  /** The parameters of the objective, of any shape, in the order of its arguments. */
  readonly theta?: readonly (DatumInput | number)[];
  /** The number of variables, where A, G and start do not say it. */
  readonly n?: number;
  /** The number of items, where only theta has a batch dimension. */
  readonly batch?: number;
  /** p x n. */
  readonly A?: DatumInput;
  /** p. */
  readonly b?: DatumInput;
  /** m x n. */
  readonly G?: DatumInput;
  /** m. */
  readonly h?: DatumInput;
  /** n: a point of the domain of f, feasible or not. Zeros by default. */
  readonly start?: DatumInput;
}

/** The names of a convex program's data, in the order that every report keeps. */
export function convexNames({ thetaNames }: ConvexProgram): ConvexName[] {
  return [...thetaNames, "A", "b", "G", "h"];
}

const schema: DataSchema<"start" | "A" | "b" | "G" | "h", "n" | "p" | "m"> = {
  problem: "a convex program (besides objective, theta, n and batch)",
  names: ["start", "A", "b", "G", "h"],
  dimensions: { start: ["n"], A: ["p", "n"], b: ["p"], G: ["m", "n"], h: ["m"] },
  extents: { n: "start", p: "b", m: "h" },
  required: ["start"],
  partners: { A: "b", b: "A", G: "h", h: "G" },
};

/**
 * Checks the data of a convex program and copies them, in float64 whatever they came in; shapes and batches as for
 * `quadraticProgram`. Throws a `DatumTypeError` or a `DatumRangeError` for data of the wrong type, shape or value, and where
 * f or its gradient is not finite at `start`; a `LayerError` where the objective does not return one number an item. That
 * f is convex is seen by the solvers, at the points that they visit.
 */
export function convexProgram(data: ConvexProgramData): ConvexProgram {
  return readConvexProgram(data).problem;
}

/** The same, with the dtype that the data came in. */
export function readConvexProgram(input: ConvexProgramData): { problem: ConvexProgram; dtype: DType } {
  const { objective, theta = [], n, batch: items, start, ...constraints } = input;
  if (typeof objective !== "function") throw notAFunction(objective);
  const read = readData(schema, { ...constraints, start: startInput(input) });
  const parameters = theta.map((value, k) => thetaDatum(`theta${k}`, value));
  const { data, sizes, batch, batched } = read;
  const problem: ConvexProgram = {
    kind: "convex",
    objective,
    ...sizes,
    batch,
    batched,
    thetaNames: parameters.map((_, k): ThetaName => `theta${k}`),
    ...Object.fromEntries(parameters.map((datum, k) => [`theta${k}`, datum])),
    start: data.start ?? zeroDatum(sizes.n),
    A: data.A ?? zeroDatum(0, sizes.n),
    b: data.b ?? zeroDatum(0),
    G: data.G ?? zeroDatum(0, sizes.n),
    h: data.h ?? zeroDatum(0),
  };
  for (const name of ["start", ...convexNames(problem)] as const) checkFinite(name, problem[name]);
  checkStart(problem);
  return { problem, dtype: commonDtype(input) ?? read.dtype };
}

/** The objective of every item, with the theta's that the problem holds. */
export function smoothObjective(problem: ConvexProgram): SmoothObjective {
  const theta = problem.thetaNames.map((name) => {
    const { values, shape, batched } = problem[name];
    return tensor(values, { shape: batched ? [problem.batch, ...shape] : [...shape] });
  });
  return new SmoothObjective(problem.objective, theta, problem);
}

/** The start of every item, batch x n. */
export function startingPoints({ start, batch, n }: ConvexProgram): Float64Array {
  if (start.batched) return start.values.slice();
  const rows = new Float64Array(batch * n);
  for (let i = 0; i < batch; i++) rows.set(start.values, i * n);
  return rows;
}

/** What `start` is, or zeros of the size that the others imply; with a batch axis where `batch` asks for one. */
function startInput({ n: stated, batch, A, G, start }: ConvexProgramData): DatumInput {
  if (stated !== undefined) checkCount("n", stated);
  if (batch !== undefined) checkCount("batch", batch);
  const first = start ?? A ?? G;
  const n = stated ?? (first === undefined ? undefined : readDatum("start", first).shape.at(-1));
  if (n === undefined) {
    const expected = "n, start, A or G, to know how many variables there are";
    throw new DatumTypeError(`n is missing; expected ${expected}`, {
      argument: "n",
      shape: null,
      item: null,
      expected,
    });
  }
  const shape = start ? readDatum("start", start).shape : [n];
  if (stated !== undefined && shape.at(-1) !== n) {
    const expected = `(${n}) or, batched, (${batch ?? "B"}, ${n})`;
    const message = `start has shape (${shape.join(", ")}), expected ${expected} (from n = ${n})`;
    throw new DatumRangeError(message, { argument: "start", shape, item: null, expected });
  }
  if (batch === undefined || shape.length > 1) return start ?? new Array<number>(n).fill(0);
  const row = start ? [...readDatum("start", start).values] : new Array<number>(n).fill(0);
  return new Array<number[]>(batch).fill(row);
}

function thetaDatum(name: string, input: DatumInput | number): Datum {
  if (typeof input === "number") return { values: Float64Array.of(input), shape: [], batched: false };
  const { values, shape } = readDatum(name, input);
  return { values, shape, batched: false };
}

/** The dtype of all that came as Tensors, null where none did. */
function commonDtype({ theta = [], A, b, G, h, start }: ConvexProgramData): DType | null {
  const named = { ...Object.fromEntries(theta.map((value, k) => [`theta${k}`, value])), start, A, b, G, h };
  let first: { name: string; dtype: DType } | null = null;
  for (const [name, value] of Object.entries(named)) {
    if (!(value instanceof Tensor)) continue;
    first ??= { name, dtype: value.dtype };
    if (value.dtype === first.dtype) continue;
    const expected = "one dtype for all data: convert one with to(dtype), or give constants as nested arrays";
    const message = `${name} is ${value.dtype}, but ${first.name} is ${first.dtype}; expected ${expected}`;
    throw new DatumTypeError(message, { argument: name, shape: value.shape, item: null, expected });
  }
  return first?.dtype ?? null;
}

/** f and its gradient have to be finite where the solvers begin. */
function checkStart(problem: ConvexProgram): void {
  const { n, batch, batched, start } = problem;
  const { value, gradient } = smoothObjective(problem).at(startingPoints(problem));
  for (let i = 0; i < batch; i++) {
    const defined = Number.isFinite(value[i]) && gradient.subarray(i * n, (i + 1) * n).every(Number.isFinite);
    if (defined) continue;
    const item = batched ? i : null;
    const expected = "a start in the domain of the objective, where it and its gradient are finite";
    const what = Number.isFinite(value[i]) ? "its gradient is not finite" : "its value is not finite";
    const message = `the objective is not defined at ${describeDatum("start", item)} (${what}; zeros unless given); expected ${expected}`;
    throw new DatumRangeError(message, { argument: "start", shape: start.shape, item, expected });
  }
}

function notAFunction(objective: unknown): DatumTypeError {
  const expected = "a function f(x, ...theta) in Tensor ops";
  const message = `objective is ${objective === undefined ? "missing" : `of type ${typeof objective}`}; expected ${expected}`;
  return new DatumTypeError(message, { argument: "objective", shape: null, item: null, expected });
}
