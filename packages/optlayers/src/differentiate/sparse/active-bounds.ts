export { type ActiveBounds, activeBounds } from "../../solvers/sparse/active-bounds.ts";
