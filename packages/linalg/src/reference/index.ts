import { itemByItem } from "../batch.ts";
import { referenceConvolution } from "../convolution/reference.ts";
import type { Kernels } from "../kernels.ts";
import { referenceAdam } from "../update/adam.ts";
import { axpy, dot, gemm, gemv, ger, syrk } from "./products.ts";
import { potrf, potrs, trsm, trsv } from "./solves.ts";

const single = { gemm, gemv, syrk, ger, dot, axpy, trsm, trsv, potrf, potrs };

/** Plain loops over strided views: the oracle of the tests, and the last resort where nothing faster runs. */
export const referenceKernels: Kernels = {
  name: "reference",
  description: "plain TypeScript loops",
  threads: 1,
  ...single,
  ...itemByItem(single),
  adam: referenceAdam,
  convolution: referenceConvolution,
};
