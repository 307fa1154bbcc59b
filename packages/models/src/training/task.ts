import type { Module, OptimizerState, Tensor } from "@solvegrad/autograd";
import type { Solution } from "@solvegrad/optlayers";
import type { Examples } from "./examples.ts";

/** What a network says of one batch. */
export interface BatchLoss {
  /** The mean over the batch of what is minimized. */
  readonly loss: Tensor;
  /** Means over the batch of what else is of interest, by name: accuracy, boards that are wrong. */
  readonly measures: Readonly<Record<string, number>>;
}

/** Something that takes one step along the gradients of the parameters it was made for. */
export interface Stepper {
  /** Moves the parameters; `rateFactor` multiplies the learning rate of this step. */
  step(rateFactor?: number): void;
  zeroGrad(): void;
}

/** A stepper whose state can be saved, so that a run goes on where it stopped. */
export interface ResumableStepper extends Stepper {
  state(): Record<string, OptimizerState>;
  /** Throws where the state is of another network. */
  load(state: Record<string, OptimizerState>): void;
}

/** The number by which a task is judged. */
export interface Headline {
  /** Its name among the measures, or "loss". */
  readonly measure: string;
  /** In words, as in "test accuracy". */
  readonly words: string;
  readonly better: "higher" | "lower";
  /** Whether it is a share, to be shown in percent. */
  readonly share: boolean;
}

/** Values that decide the outcome of a run: equal settings, equal run. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** What a network is to learn: its examples, the loss on a batch, and how it is judged. */
export interface Task<B = unknown> {
  /** As on the command line. */
  readonly name: string;
  readonly settings: Settings;
  readonly network: Module;
  readonly optimizer: ResumableStepper;
  readonly train: Examples<B>;
  readonly test: Examples<B>;
  readonly headline: Headline;
  /** The loss on a batch, on the tape when gradients are recorded. */
  loss(batch: B): BatchLoss;
  /** What the optimization layer's solver said of the last batch, where there is a layer. */
  layerSolution?(): Pick<Solution, "iterations" | "status"> | null;
}
