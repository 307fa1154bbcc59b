import type { EvaluationEvent, MnistRunSettings, StepEvent, TrainingEvent } from "@solvegrad/models";
import { type Information, kernelWords } from "../commands/info.ts";
import type { Comparison } from "../comparison/compare-problem.ts";
import * as text from "../output/numbers.ts";
import { comparisonSections } from "./comparison-sections.ts";
import { figure, figures, page, section, type Tile, tiles } from "./document.ts";
import type { Html } from "./html.ts";
import { type Axis, colors, linePlot, type Point } from "./plots.ts";

export interface TrainingReport {
  readonly settings: MnistRunSettings;
  readonly started: Date;
  readonly machine: Information;
  /** Numbers of training and test images. */
  readonly images: { readonly train: number; readonly test: number };
  readonly history: readonly TrainingEvent[];
  /** Null where it was not reached. */
  readonly comparison: Comparison | null;
}

/** The page of a training run: how it went, what came out, and what the three rules say of its gradients. */
export function trainingPage(report: TrainingReport): string {
  const { history, comparison } = report;
  const steps = history.filter((event): event is StepEvent => event.kind === "step");
  const evaluations = history.filter((event): event is EvaluationEvent => event.kind === "evaluation");
  const sections: Html[] = [tiles(summary(steps, evaluations))];
  if (steps.length > 0) sections.push(section("Training", [figures(trainingFigures(report, steps, evaluations))]));
  if (comparison) {
    const subject = `The optimization layer after training, on the first ${comparison.problem.batch} test images, for the loss of that batch`;
    sections.push(...comparisonSections(comparison, subject));
  }
  return page("A network with an optimization layer, trained on MNIST", lead(report, steps), sections);
}

function summary(steps: readonly StepEvent[], evaluations: readonly EvaluationEvent[]): Tile[] {
  const last = evaluations.at(-1);
  const masked = steps.reduce((sum, { layer }) => sum + (layer?.masked.length ?? 0), 0);
  const elapsed = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  const iterations = steps.flatMap(({ layer }) => (layer ? [layer.iterations] : []));
  const accuracy: Tile = last
    ? {
        label: "Test accuracy",
        value: text.percent(last.accuracy),
        note: `${text.thousands(last.correct)} of ${text.thousands(last.count)} images, after step ${last.step}`,
      }
    : { label: "Test accuracy", value: "none yet", note: "the run was stopped before its first evaluation" };
  const perStep = steps.length === 0 ? "" : `${text.milliseconds((1000 * elapsed) / steps.length)} ms a step`;
  const solver: Tile = {
    label: "Solver iterations",
    value: String(median(iterations)),
    note: `median of the steps; ${masked} items masked`,
  };
  return [
    accuracy,
    { label: "Training steps", value: text.thousands(steps.length), note: epochsOf(steps) },
    { label: "Training time", value: text.seconds(elapsed), note: perStep },
    ...(iterations.length > 0 ? [solver] : []),
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function lead({ settings, started, machine }: TrainingReport, steps: readonly StepEvent[]): string {
  const { layer, differentiation, tolerance, batchSize, seed, cooldown } = settings;
  const what =
    layer === "none"
      ? "The image classifier of Alt-Diff (section F.2) without its optimization layer"
      : `The image classifier of Alt-Diff (section F.2): a quadratic program of 200 variables, 50 equalities and 50 inequalities as a layer (${layerWords(layer)}), differentiated by the ${differentiation} rule at tolerance ${text.tolerance(tolerance)}`;
  return (
    `${what}. ${text.thousands(steps.length)} steps (${epochsOf(steps)}), batches of ${batchSize}, Adam at 1e-3${cooldownWords(cooldown)}, seed ${seed}. ` +
    provenance(started, machine)
  );
}

function cooldownWords(cooldown: number): string {
  return cooldown === 0 ? "" : ` falling to zero over the last ${text.percent(cooldown, 0)} of the run`;
}

function epochsOf(steps: readonly StepEvent[]): string {
  const epochs = steps.at(-1)?.epoch ?? 0;
  return epochs === 1 ? "in one epoch" : `in ${epochs} epochs`;
}

function layerWords(layer: MnistRunSettings["layer"]): string {
  return layer === "learned-A" ? "A learned, the rest fixed" : "its data fixed at random";
}

/** When, with what, and on which machine: the sentence that every page has. */
export function provenance(started: Date, machine: Information): string {
  const { version, kernels, node, cores, processor } = machine;
  return `Run on ${date(started)} with solvegrad ${version}, kernels ${kernelWords(kernels)}, Node ${node}, ${cores} x ${processor}.`;
}

/** "22 November 2026, 03:20 UTC". */
function date(moment: Date): string {
  const day = moment.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  return `${day}, ${moment.toISOString().slice(11, 16)} UTC`;
}

function trainingFigures(
  { settings, images }: TrainingReport,
  steps: readonly StepEvent[],
  evaluations: readonly EvaluationEvent[],
): Html[] {
  const run = `${text.thousands(images.train)} training images in batches of ${settings.batchSize}, seed ${settings.seed}`;
  return [
    curve("Loss", steps, evaluations, (event) => event.loss, {
      axis: { label: "negative log-likelihood", type: "log" },
      caption: `${run}. The pale line is each batch before its step, the strong one its mean over ${windowOf(steps.length)} steps, dots are the test images.`,
    }),
    curve("Accuracy", steps, evaluations, (event) => event.accuracy, {
      axis: { label: "classified rightly", percent: true, domain: [accuracyFloor(steps), 1] },
      caption: `${run}. The last test value is ${evaluations.length > 0 ? text.percent(evaluations[evaluations.length - 1].accuracy) : "not there yet"}.`,
    }),
  ];
}

/** Where the axis of the accuracy begins: most of it is where a run spends its time. */
function accuracyFloor(steps: readonly StepEvent[]): number {
  const sorted = steps.map(({ accuracy }) => accuracy).toSorted((a, b) => a - b);
  return Math.floor(10 * sorted[Math.floor(sorted.length / 20)]) / 10;
}

interface CurveWords {
  readonly axis: Axis;
  readonly caption: string;
}

function curve(
  title: string,
  steps: readonly StepEvent[],
  evaluations: readonly EvaluationEvent[],
  value: (event: StepEvent | EvaluationEvent) => number,
  { axis, caption }: CurveWords,
): Html {
  const points = steps.map((event) => ({ x: event.step, y: value(event) }));
  const tests = evaluations.map((event) => ({ x: event.step, y: value(event) }));
  const picture = linePlot(
    [
      { points, color: colors.first, faint: true },
      { points: movingMean(points), color: colors.first },
      { points: tests, color: colors.second, dots: true },
    ],
    { label: "step" },
    axis,
    `${title} by training step`,
  );
  const legend = [
    { label: "training batches", color: colors.first },
    { label: "test images", color: colors.second },
  ];
  return figure(title, picture, legend, caption);
}

/** How many steps the strong line averages over. */
function windowOf(steps: number): number {
  return Math.max(5, Math.min(50, Math.round(steps / 40)));
}

/** The mean of each point and those before it in its window. */
function movingMean(points: readonly Point[]): Point[] {
  const length = windowOf(points.length);
  let sum = 0;
  return points.map((point, i) => {
    sum += point.y;
    if (i >= length) sum -= points[i - length].y;
    return { x: point.x, y: sum / Math.min(i + 1, length) };
  });
}
