export { conv2d, conv2dInput, conv2dWeight } from "./convolution.ts";
export {
  abs,
  add,
  atLeast,
  cast,
  div,
  exp,
  gate,
  log,
  maximum,
  minimum,
  mul,
  neg,
  normalCdf,
  normalPdf,
  type Operand,
  pow,
  relu,
  sigmoid,
  sign,
  sqrt,
  square,
  sub,
  tanh,
} from "./elementwise.ts";
export { bilinear, broadcasting, elementwise, linear } from "./factories.ts";
export {
  cholesky,
  choleskySolve,
  positiveDefiniteSolve,
  type TriangularSolveOptions,
  triangularSolve,
} from "./factorization.ts";
export { concat, reshape, slice, stack, swapLastTwo, transpose } from "./layout.ts";
export { crossEntropy, logSoftmax, mseLoss, nllLoss } from "./loss.ts";
export { matmul } from "./matmul.ts";
export { apply, type Op, type VjpContext } from "./op.ts";
export { maxPool2d } from "./pooling.ts";
export { argmax, broadcastTo, max, mean, sum, sumTo } from "./reduction.ts";
export { pick, putFlat, type Selection, takeAlong, takeFlat, where } from "./selection.ts";
export { type OpAttributes, type OpName, type OpTable, opTable } from "./table.ts";
