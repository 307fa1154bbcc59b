import { type View, view } from "@solvegrad/linalg";
import { type Differentiation, layerMethod } from "@solvegrad/models";
import {
  asSparsemaxRule,
  asSparsemaxSolver,
  type Datum,
  type DifferentiationRule,
  datumNames,
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  entropyProgram,
  isUsable,
  type QuadraticProgram,
  quadraticProgram,
  type Solution,
  type Solver,
  simplexProjection,
  sparsemaxAsQuadratic,
  sparsemaxImplicit,
  sparsemaxNames,
  sparsemaxProblem,
  type Vjp,
} from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import type { NumericArray } from "./numeric-array.ts";

/** How to solve and to differentiate, as the options of the command line say. */
export interface Method {
  readonly differentiation: Differentiation;
  readonly tolerance: number;
}

/** A solution and, where it was asked for and there is one, the gradient of cotangent'x. */
export interface Answer {
  readonly solution: Solution;
  readonly rule: string;
  readonly vjp: Vjp<string> | null;
}

/** A validated problem of any kind: its sizes, its data by name, and what can be done with it. */
export interface Problem {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly batch: number;
  readonly batched: boolean;
  readonly data: Readonly<Record<string, Datum>>;
  readonly answer: (method: Method, cotangent: Float64Array | null, wanted: readonly string[]) => Answer;
  /** The same problem as a QP, where it is one. */
  readonly quadratic: (() => QuadraticProgram) | null;
}

/** The data of a problem file, by name. */
export type FileData = Readonly<Record<string, NumericArray>>;

/** A kind of problem that a file can state. */
export interface ProblemKind {
  readonly names: readonly string[];
  /** The data that must be there, and what each is. */
  readonly required: Readonly<Record<string, string>>;
  /** Data that are there though the file leaves them out: their gradient is reported too. */
  readonly implied: readonly string[];
  /** The datum that is repeated for a batch of cotangents. */
  readonly repeated: string;
  /** Validates the data; throws what the problem's own reader throws. */
  readonly problem: (data: FileData) => Problem;
}

export const problemKinds: Readonly<Record<string, ProblemKind>> = {
  qp: {
    names: datumNames,
    required: { Q: "an n x n matrix", q: "a list of n numbers" },
    implied: [],
    repeated: "q",
    problem(data) {
      const program = quadraticProgram(views(data));
      const { Q, q, A, b, G, h } = program;
      const answer = answering(program, ({ differentiation, tolerance }) =>
        layerMethod(differentiation, { tolerance }),
      );
      return { ...sizes(program), data: { Q, q, A, b, G, h }, answer, quadratic: () => program };
    },
  },
  sparsemax: {
    names: sparsemaxNames,
    required: { y: "a list of n numbers" },
    implied: ["total"],
    repeated: "y",
    problem(data) {
      const program = sparsemaxProblem(views(data));
      const { n, batch, batched, y, u, total } = program;
      const stated: Record<string, Datum> = { y, total };
      if (u) stated.u = u;
      return {
        ...{ n, batch, batched },
        p: 1,
        m: u ? 2 * n : n,
        data: stated,
        answer: answering(program, sparsemaxMethod),
        quadratic: () => sparsemaxAsQuadratic(program),
      };
    },
  },
  entropy: {
    names: entropyNames,
    required: { y: "a list of n numbers" },
    implied: [],
    repeated: "y",
    problem(data) {
      const program = entropyProgram(views(data));
      const { y, A, b, G, h } = program;
      return { ...sizes(program), data: { y, A, b, G, h }, answer: answering(program, entropyMethod), quadratic: null };
    },
  },
};

/** Implicit: by the problem's structure; the other rules need ADMM's iterations, on the problem as a QP. */
function sparsemaxMethod({ differentiation, tolerance }: Method) {
  if (differentiation === "implicit") return { solver: simplexProjection(), differentiation: sparsemaxImplicit() };
  const general = layerMethod(differentiation, { tolerance });
  return { solver: asSparsemaxSolver(general.solver), differentiation: asSparsemaxRule(general.differentiation) };
}

function entropyMethod({ differentiation, tolerance }: Method) {
  switch (differentiation) {
    case "implicit":
      return { solver: entropicInteriorPoint({ tolerance }), differentiation: entropicImplicit() };
    case "alternating":
      return { solver: entropicAdmm({ tolerance }), differentiation: entropicAlternating({ truncate: tolerance }) };
    case "unrolled":
      throw new InputError('problems of kind "entropy" have no unrolled rule, expected implicit or alternating');
  }
}

/** Solves the program by a method of its kind, and differentiates where there is a cotangent and an item that was solved. */
function answering<P, N extends string>(
  program: P,
  choose: (method: Method) => { solver: Solver<P>; differentiation: DifferentiationRule<P, N> },
): Problem["answer"] {
  return (method, cotangent, wanted) => {
    const { solver, differentiation } = choose(method);
    const solution = solver.solve(program);
    const differentiable = cotangent !== null && solution.status.some(isUsable);
    const vjp = differentiable
      ? differentiation.vjp(program, solution, { x: cotangent }, { wanted: wanted as readonly N[] })
      : null;
    return { solution, rule: differentiation.name, vjp };
  };
}

function sizes({ n, p, m, batch, batched }: Omit<Problem, "data" | "answer" | "quadratic">) {
  return { n, p, m, batch, batched };
}

/** The data as the problems' readers take them, which find out for themselves what is missing. */
function views<T>(data: FileData): T {
  const entries = Object.entries(data).map(([name, { values, shape }]): [string, View] => [name, view(values, shape)]);
  return Object.fromEntries(entries) as T;
}
