// This package is a command. What can be imported are its pages.
export { type CompareOptions, type Comparison, compareProblem } from "./comparison/compare-problem.ts";
export { type ComparisonReport, comparisonPage } from "./report/comparison-page.ts";
export { type LayersReport, layersPage } from "./report/layers-page.ts";
