export { convolvedSize } from "./convolution/geometry.ts";
export type { AdamCoefficients, ConvolutionKernels, ConvolutionOptions, Kernels, Triangle } from "./kernels.ts";
export {
  activeKernels,
  availableKernels,
  type KernelName,
  KernelSelectionError,
  loadKernels,
  useKernels,
} from "./select.ts";
export { KernelShapeError } from "./shapes.ts";
export * from "./sparse/index.ts";
export {
  allocate,
  type DType,
  dtypeOf,
  type FloatArray,
  rowMajorStrides,
  sizeOf,
  transposed,
  type View,
  view,
} from "./view.ts";
