export * from "./differentiate/rule.ts";
export * from "./problem/quadratic-program.ts";
export * from "./solvers/solver.ts";
