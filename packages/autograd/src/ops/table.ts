import { type ConvolutionAttributes, convolutionOps } from "./convolution.ts";
import { type ElementwiseAttributes, elementwiseOps } from "./elementwise.ts";
import { type FactorizationAttributes, factorizationOps } from "./factorization.ts";
import { type LayoutAttributes, layoutOps } from "./layout.ts";
import { type LossAttributes, lossOps } from "./loss.ts";
import { type MatmulAttributes, matmulOps } from "./matmul.ts";
import type { Op } from "./op.ts";
import { type PoolingAttributes, poolingOps } from "./pooling.ts";
import { type ReductionAttributes, reductionOps } from "./reduction.ts";
import { type SelectionAttributes, selectionOps } from "./selection.ts";

/** Every op of the library, with what it takes besides tensors. */
export interface OpAttributes
  extends ElementwiseAttributes,
    ReductionAttributes,
    LayoutAttributes,
    MatmulAttributes,
    FactorizationAttributes,
    SelectionAttributes,
    LossAttributes,
    ConvolutionAttributes,
    PoolingAttributes {}

export type OpName = keyof OpAttributes;

/** One record for each op, under its own name: an op without its rules does not compile. */
export type OpTable = { readonly [Name in OpName]: Op<OpAttributes[Name]> & { readonly name: Name } };

/** The table that every op is a line of: forward, shape and vector-Jacobian product by name. */
export const opTable: OpTable = {
  ...elementwiseOps,
  ...reductionOps,
  ...layoutOps,
  ...matmulOps,
  ...factorizationOps,
  ...selectionOps,
  ...lossOps,
  ...convolutionOps,
  ...poolingOps,
};
