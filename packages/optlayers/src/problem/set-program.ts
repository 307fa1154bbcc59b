import { tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkCount } from "../check-options.ts";
import { DatumTypeError } from "../errors.ts";
import { type ConvexSet, checkParameters, checkSet, parameterInput, type SetLetter } from "../sets/convex-set.ts";
import { checkConvexity, checkFinite } from "./check-values.ts";
import type { ThetaName } from "./convex-program.ts";
import type { Datum } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import { type DatumInput, readDatum } from "./read-datum.ts";
import type { ObjectiveFunction } from "./smooth-objective.ts";

/** A parameter of the set by its own name: "set.lower". */
export type SetParameterName = `set.${string}`;
/** The names of a set program's data. */
export type SetDatumName = ThetaName | "Q" | "q" | SetParameterName;

/**
 * A validated batch of programs
 *
 *     minimize f(x; theta0, theta1, ...)   subject to   x in C
 *
 * with f convex and twice differentiable, in Tensor ops, or quadratic, 1/2 x'Qx + q'x, and C a set with a cheap projection,
 * whose parameters are data too. As in a `ConvexProgram`, theta data count as shared.
 */
export interface SetProgram {
  readonly kind: "set_program";
  readonly n: number;
  /** There are no constraints besides the set. */
  readonly p: 0;
  readonly m: 0;
  readonly batch: number;
  readonly batched: boolean;
  /** Null for the quadratic one. */
  readonly objective: ObjectiveFunction | null;
  readonly set: ConvexSet;
  /** The data that there are, in the order that every report keeps. */
  readonly names: readonly SetDatumName[];
  /** Where solvers begin. */
  readonly start: Datum;
  readonly Q: Datum;
  readonly q: Datum;
  readonly [theta: ThetaName]: Datum;
  readonly [parameter: SetParameterName]: Datum;
}

/** A set program as a user states it: an objective with its theta, or Q and q. */
export interface SetProgramData {
  readonly set: ConvexSet;
  /** f(x, ...theta): (n) to a single number or, batched, (B, n) to (B). It is evaluated in float64. */
  readonly objective?: ObjectiveFunction;
  /** The parameters of the objective, of any shape, in the order of its arguments. */
  readonly theta?: readonly (DatumInput | number)[];
  /** n x n, symmetric positive semidefinite. */
  readonly Q?: DatumInput;
  /** n. */
  readonly q?: DatumInput;
  /** The number of variables, where q, start and the set do not say it. */
  readonly n?: number;
  /** The number of items, where only theta has a batch dimension. */
  readonly batch?: number;
  /** n: where solvers begin. Zeros by default. */
  readonly start?: DatumInput;
}

/**
 * Checks the data of a set program and copies them, in float64 whatever they came in; shapes and batches as for
 * `quadraticProgram`. Throws a `DatumTypeError` or a `DatumRangeError` for data of the wrong type, shape or value. A set that
 * is empty is no error here: such an item is infeasible.
 */
export function setProgram(data: SetProgramData): SetProgram {
  return readSetProgram(data).problem;
}

/** The same, with the dtype that the data came in, and what came under each name. */
export function readSetProgram(input: SetProgramData): {
  problem: SetProgram;
  dtype: DType;
  given: Partial<Record<SetDatumName, DatumInput | number>>;
} {
  const { set, objective, theta = [], Q, q } = input;
  checkObjective(input);
  checkSet(set);
  const n = variables(input);
  const setNames = Object.keys(set.parameters).map((name): SetParameterName => `set.${name}`);
  const parameters = setNames.map((name) => [name, parameterInput(set, own(name), n)] as const);
  const numbers = { ...(objective ? {} : { Q, q }), ...Object.fromEntries(parameters) };
  const read = readData(schemaOf(set, setNames, objective === undefined), { ...numbers, start: startRows(input, n) });
  const data = read.data as Record<string, Datum>;
  const thetaNames = theta.map((_, k): ThetaName => `theta${k}`);
  const thetaData = theta.map((value) => thetaDatum(value));
  const problem: SetProgram = {
    kind: "set_program",
    ...{ n, p: 0, m: 0, batch: read.batch, batched: read.batched, set },
    objective: objective ?? null,
    names: [...(objective ? thetaNames : (["Q", "q"] as const)), ...setNames],
    start: data.start,
    Q: data.Q ?? zeroDatum(0),
    q: data.q ?? zeroDatum(0),
    ...Object.fromEntries(thetaNames.map((name, k) => [name, thetaData[k]])),
    ...Object.fromEntries(setNames.map((name) => [name, data[name]])),
  };
  checkParameters(set, parametersOf(problem));
  for (const name of ["start", ...(objective ? thetaNames : (["Q", "q"] as const))] as const) {
    checkFinite(name, problem[name]);
  }
  if (!objective) checkConvexity(problem.Q, read.dtype);
  const given = { ...numbers, ...Object.fromEntries(thetaNames.map((name, k) => [name, theta[k]])) };
  return { problem, dtype: typedAs(theta) ?? read.dtype, given };
}

/** The set's parameters under its own names. */
export function parametersOf(problem: SetProgram): Record<string, Datum> {
  const names = Object.keys(problem.set.parameters);
  return Object.fromEntries(names.map((name) => [name, problem[`set.${name}`]]));
}

function own(name: SetParameterName): string {
  return name.slice("set.".length);
}

function checkObjective({ objective, theta, Q, q }: SetProgramData): void {
  const refuse = (argument: string, what: string, expected: string): never => {
    throw new DatumTypeError(`${what}; expected ${expected}`, { argument, shape: null, item: null, expected });
  };
  const stated = "an objective in Tensor ops, or Q and q";
  if (objective === undefined && (Q === undefined || q === undefined))
    refuse("objective", "objective is missing", stated);
  if (objective !== undefined && (Q !== undefined || q !== undefined))
    refuse("Q", "objective came with Q or q", stated);
  if (objective !== undefined && typeof objective !== "function") {
    refuse("objective", `objective is of type ${typeof objective}`, "a function of x and theta in Tensor ops");
  }
  if (objective === undefined && theta !== undefined) refuse("theta", "theta came without objective", stated);
}

/** n from whatever says it: n itself, q, the start, or a vector of the set. */
function variables({ n, q, start, set }: SetProgramData): number {
  if (n !== undefined) {
    checkCount("n", n);
    return n;
  }
  const vectors = Object.entries(set.parameters).filter(([name]) => set.dimensions[name].includes("n"));
  const sources = [q, start, ...vectors.map(([, value]) => value)];
  for (const source of sources) {
    if (source === undefined || typeof source === "number") continue;
    const extent = readDatum("n", source).shape.at(-1);
    if (extent !== undefined) return extent;
  }
  const expected = "n, start or q, to know how many variables there are";
  throw new DatumTypeError(`n is missing; expected ${expected}`, { argument: "n", shape: null, item: null, expected });
}

function startRows({ start, batch }: SetProgramData, n: number): DatumInput {
  if (batch !== undefined) checkCount("batch", batch);
  if (start !== undefined && (batch === undefined || readDatum("start", start).shape.length > 1)) return start;
  const row = start === undefined ? new Array<number>(n).fill(0) : [...readDatum("start", start).values];
  return batch === undefined ? row : new Array<number[]>(batch).fill(row);
}

type Letter = SetLetter;

function schemaOf(
  set: ConvexSet,
  setNames: readonly SetParameterName[],
  quadratic: boolean,
): DataSchema<string, Letter> {
  const ofSet = Object.fromEntries(setNames.map((name) => [name, set.dimensions[own(name)]]));
  const equations = setNames.find((name) => set.dimensions[own(name)].join() === "p");
  const names = ["start", ...(quadratic ? ["Q", "q"] : []), ...setNames];
  return {
    problem: "a set program",
    names,
    dimensions: { start: ["n"], Q: ["n", "n"], q: ["n"], ...ofSet },
    extents: { n: "start", p: equations ?? "start" },
    required: names,
    partners: {},
  };
}

function thetaDatum(input: DatumInput | number): Datum {
  if (typeof input === "number") return { values: Float64Array.of(input), shape: [], batched: false };
  const { values, shape } = readDatum("theta", input);
  return { values, shape, batched: false };
}

/** The dtype of the first theta that has one. */
function typedAs(theta: readonly (DatumInput | number)[]): DType | null {
  for (const value of theta) {
    const dtype = typeof value === "number" ? null : readDatum("theta", value).dtype;
    if (dtype) return dtype;
  }
  return null;
}

/** The theta's in float64. */
export function thetaTensors(problem: SetProgram) {
  const names = problem.names.filter((name): name is ThetaName => name.startsWith("theta"));
  return names.map((name) => tensor(problem[name].values, { shape: [...problem[name].shape] }));
}

/** The start of every item, batch x n. */
export function startOf({ start, batch, n }: SetProgram): Float64Array {
  return Float64Array.from({ length: batch * n }, (_, k) => start.values[start.batched ? k : k % n]);
}
