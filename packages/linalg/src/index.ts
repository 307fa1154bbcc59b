export type { ConvolutionKernels, ConvolutionOptions, Kernels, Triangle } from "./kernels.ts";
export { allocate, type DType, dtypeOf, type FloatArray, rowMajorStrides, transposed, type View, view } from "./view.ts";
