export { DataFileError } from "./data-file-error.ts";
export {
  type Batch,
  type BatchOptions,
  batchCount,
  batches,
  batchOf,
  mnistNormalization,
  type Normalization,
} from "./datasets/batches.ts";
export { type IdxArray, parseIdx } from "./datasets/idx.ts";
export {
  classCount,
  type LabelledImages,
  loadMnist,
  type Mnist,
  type MnistOptions,
  mnistFiles,
} from "./datasets/mnist.ts";
export { type LayerProblem, layerProblem } from "./experiments/layer-problem.ts";
export {
  type LayerKind,
  layerKinds,
  type MnistRun,
  type MnistRunSettings,
  mnistRun,
  mnistRunSettings,
} from "./experiments/mnist-run.ts";
export {
  type Differentiation,
  differentiations,
  type LayerMethod,
  type LayerMethodOptions,
  layerMethod,
  trainingTolerance,
} from "./networks/layer-method.ts";
export { MnistNetwork } from "./networks/mnist-network.ts";
export { QuadraticModule, type QuadraticModuleOptions } from "./networks/quadratic-module.ts";
export { writeAtomically } from "./training/atomic-write.ts";
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint, restore, weightsOf } from "./training/checkpoint.ts";
export { NetworkOptimizer, type NetworkOptimizerOptions } from "./training/network-optimizer.ts";
export { RunFolder } from "./training/run-folder.ts";
export { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./training/safetensors.ts";
export {
  type Classifier,
  type LayerStatistics,
  type StepOutcome,
  type Stepper,
  score,
  takeStep,
} from "./training/take-step.ts";
export {
  type Evaluation,
  type EvaluationEvent,
  evaluate,
  type StepEvent,
  type TrainingEvent,
  type TrainingOptions,
  train,
} from "./training/train.ts";
