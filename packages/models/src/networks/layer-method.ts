import {
  admm,
  alternating,
  type ConvexProgram,
  type ConvexRule,
  convexAdmm,
  convexAlternating,
  convexImplicit,
  convexInteriorPoint,
  convexUnrolled,
  type DifferentiationRule,
  implicit,
  interiorPoint,
  type Solver,
  unrolled,
} from "@solvegrad/optlayers";

/** The three ways of differentiating a layer, each with the solver that belongs to it. */
export const differentiations = ["implicit", "alternating", "unrolled"] as const;
export type Differentiation = (typeof differentiations)[number];

export interface LayerMethod {
  readonly solver: Solver;
  readonly differentiation: DifferentiationRule;
}

export interface LayerMethodOptions {
  /** Of the solver, and of the recursion of the alternating rule. */
  readonly tolerance: number;
}

/**
 * Implicit: interior point, differentiated through the KKT conditions (OptNet). Alternating: ADMM, and the derivative
 * of its updates run backwards, both truncated at the tolerance (Alt-Diff). Unrolled: the tape of the ADMM
 * iterations, as many as it takes to the tolerance.
 */
export function layerMethod(name: Differentiation, { tolerance }: LayerMethodOptions): LayerMethod {
  switch (name) {
    case "implicit":
      return { solver: interiorPoint({ tolerance }), differentiation: implicit() };
    case "alternating":
      return { solver: admm({ tolerance }), differentiation: alternating({ truncate: tolerance }) };
    case "unrolled":
      return { solver: admm({ tolerance }), differentiation: unrolled({ tolerance }) };
  }
}

export interface ConvexMethod {
  readonly solver: Solver<ConvexProgram>;
  readonly differentiation: ConvexRule;
}

/** The same for a layer whose objective is any convex function. */
export function convexMethod(name: Differentiation, { tolerance }: LayerMethodOptions): ConvexMethod {
  switch (name) {
    case "implicit":
      return { solver: convexInteriorPoint({ tolerance }), differentiation: convexImplicit() };
    case "alternating":
      return { solver: convexAdmm({ tolerance }), differentiation: convexAlternating({ truncate: tolerance }) };
    case "unrolled":
      return { solver: convexAdmm({ tolerance }), differentiation: convexUnrolled({ tolerance }) };
  }
}

/** What each method solves to in training: truncation costs no accuracy (Alt-Diff, Figures 2 and 4). */
export const trainingTolerance: Record<Differentiation, number> = { implicit: 1e-6, alternating: 1e-3, unrolled: 1e-3 };
