export {
  addDoubledProduct,
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  DoubledVector,
  doubledDot,
} from "./compensated.ts";
export { eliminationTree, postorder } from "./elimination-tree.ts";
export { type EquilibrationOptions, equilibrate } from "./equilibrate.ts";
export { type GmresOptions, gmres, improveByGmres, type LinearMap } from "./gmres.ts";
export { type LdlMethod, type LdlOptions, SparseLdl } from "./ldl.ts";
export { analyzeLdl, type LdlAnalysis } from "./ldl-analysis.ts";
export {
  fromDense,
  fromTriplets,
  type SparseMatrix,
  SparseMatrixError,
  sparseMatrix,
  sparseZeros,
  type Triplet,
  toDense,
} from "./matrix.ts";
export { minimumDegreeOrder } from "./minimum-degree.ts";
export { invertPermutation, type PermutedSymmetric, permuteSymmetric } from "./permute.ts";
export { addProduct, addSymmetricProduct, addTransposedProduct, sparseProduct } from "./product.ts";
export { type Refinement, type RefinementOptions, RefinementWorkspace, solveRefined } from "./refine.ts";
export { sparseFilter, sparseSum, triplets, upperTriangle } from "./sum.ts";
export { sparseTranspose, type Transpose, transposeWithMap } from "./transpose.ts";
