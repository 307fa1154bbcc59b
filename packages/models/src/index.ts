export { DataFileError } from "./data-file-error.ts";
export { fashionClasses, fashionFolder, loadFashionMnist } from "./datasets/fashion-mnist.ts";
export { type IdxArray, parseIdx } from "./datasets/idx.ts";
export {
  type ImageBatch,
  imageExamples,
  mnistNormalization,
  type Normalization,
  pixelNormalization,
} from "./datasets/images.ts";
export { type LoadSeries, parseLoad } from "./datasets/load-series.ts";
export { type LoadBatch, type LoadSplit, loadWindows, type WindowOptions } from "./datasets/load-windows.ts";
export {
  classCount,
  type LabelledImages,
  loadMnist,
  type Mnist,
  type MnistOptions,
  mnistFiles,
} from "./datasets/mnist.ts";
export {
  generateSignals,
  type SignalBatch,
  type SignalOptions,
  type SignalSet,
  signalExamples,
} from "./datasets/signals.ts";
export {
  type Board,
  completions,
  generateSudoku,
  isSolved,
  isUnique,
  miniSudokuGrids,
  parseSudoku,
  puzzleOf,
  type SudokuBatch,
  type SudokuSet,
  sudokuExamples,
} from "./datasets/sudoku.ts";
export { syntheticLoad } from "./datasets/synthetic-load.ts";
export {
  type DenoiserKind,
  type DenoisingSettings,
  denoisers,
  denoisingNetwork,
  denoisingSettings,
  denoisingTask,
} from "./experiments/denoising-task.ts";
export {
  type CostSettings,
  type CostTask,
  type CostTraining,
  costScheduler,
  costSettings,
  costTask,
  costTrainings,
} from "./experiments/energy-cost-task.ts";
export {
  type EnergySettings,
  type EnergyTask,
  type EnergyTraining,
  energyScheduler,
  energySettings,
  energyTask,
  energyTrainings,
} from "./experiments/energy-task.ts";
export type {
  Cell,
  Column,
  Experiment,
  ExperimentOption,
  ExperimentOptions,
  ExperimentProgress,
  ExperimentResult,
  ResultAxis,
  ResultFigure,
  ResultSeries,
  ResultTable,
  Unit,
} from "./experiments/experiment.ts";
export {
  classificationLoss,
  type ImageSettings,
  type ImageTask,
  type ImageTaskOptions,
  imageNetwork,
  imageSettings,
  imageTask,
  type LayerKind,
  layerKinds,
} from "./experiments/image-task.ts";
export { type LayerProblem, layerProblem, problemOfLayer } from "./experiments/layer-problem.ts";
export { loadNetwork, loadWeights, type SavedNetwork } from "./experiments/load-network.ts";
export { experimentNamed, experiments } from "./experiments/registry.ts";
export {
  type SudokuNetwork,
  type SudokuSettings,
  type SudokuTask,
  shareWrong,
  sudokuNetwork,
  sudokuNetworks,
  sudokuSettings,
  sudokuTask,
} from "./experiments/sudoku-task.ts";
export { bestLambda, totalVariation, totalVariationError } from "./experiments/total-variation.ts";
export { CostScheduler, type CostSchedulerOptions, type NormalForecast } from "./networks/cost-scheduler.ts";
export {
  type Denoiser,
  type DenoisingOptions,
  DenoisingOptNet,
  DenoisingPerceptron,
  LearnedDifferences,
} from "./networks/denoising.ts";
export { EnergyScheduler, type EnergySchedulerOptions } from "./networks/energy-scheduler.ts";
export { expectedCost, type GenerationCosts, publishedCosts, realizedCost } from "./networks/generation-cost.ts";
export {
  type ConvexMethod,
  convexMethod,
  type Differentiation,
  differentiations,
  type LayerMethod,
  type LayerMethodOptions,
  layerMethod,
  trainingTolerance,
} from "./networks/layer-method.ts";
export { LeNet, type LeNetOptions } from "./networks/lenet.ts";
export { MnistNetwork } from "./networks/mnist-network.ts";
export { OptNet, type OptNetOptions, type OptNetStart } from "./networks/optnet.ts";
export { OptNetEq, type OptNetEqOptions } from "./networks/optnet-eq.ts";
export { QuadraticModule, type QuadraticModuleOptions } from "./networks/quadratic-module.ts";
export { SudokuConvNet, SudokuPerceptron } from "./networks/sudoku-baselines.ts";
export { independentRules, SudokuOptNet, type SudokuOptNetOptions } from "./networks/sudoku-optnet.ts";
export { writeAtomically } from "./training/atomic-write.ts";
export {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  putWeights,
  restore,
  weightsOf,
} from "./training/checkpoint.ts";
export { EarlyStopping, headlineOf, isBetter } from "./training/early-stopping.ts";
export { type BatchOptions, batchCount, batches, type Examples, firstOf, selected } from "./training/examples.ts";
export { metricsTable } from "./training/metrics-table.ts";
export { clipGradients, NetworkOptimizer, type NetworkOptimizerOptions } from "./training/network-optimizer.ts";
export { RunFolder } from "./training/run-folder.ts";
export { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./training/safetensors.ts";
export { constantRate, cooldown, cosine, type Schedule, stepwise } from "./training/schedule.ts";
export { type LayerStatistics, type StepOutcome, score, takeStep } from "./training/take-step.ts";
export type { BatchLoss, Headline, ResumableStepper, Settings, Stepper, Task } from "./training/task.ts";
export {
  type Evaluation,
  type EvaluationEvent,
  evaluate,
  type StepEvent,
  type TrainingEvent,
  type TrainingOptions,
  train,
} from "./training/train.ts";
export { ResumeError, type RunLength, type RunOptions, TrainingRun } from "./training/training-run.ts";
