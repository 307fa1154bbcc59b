import { type EvaluationEvent, type Headline, headlineOf, type StepEvent, type TrainingEvent } from "@solvegrad/models";
import { type Information, kernelWords } from "../commands/info.ts";
import type { Comparison } from "../comparison/compare-problem.ts";
import * as text from "../output/numbers.ts";
import type { PreparedTask } from "../training/prepared-task.ts";
import { comparisonSections } from "./comparison-sections.ts";
import { figure, figures, page, section, type Tile, tiles } from "./document.ts";
import type { Html } from "./html.ts";
import { type Axis, colors, linePlot, type Point } from "./plots.ts";

export interface TrainingReport {
  readonly prepared: PreparedTask;
  readonly started: Date;
  readonly machine: Information;
  readonly history: readonly TrainingEvent[];
  /** Null where it was not reached. */
  readonly comparison: Comparison | null;
}

/** The page of a training run: how it went, what came out, and what the three rules say of its gradients. */
export function trainingPage(report: TrainingReport): string {
  const { prepared, history, comparison } = report;
  const steps = history.filter((event): event is StepEvent => event.kind === "step");
  const evaluations = history.filter((event): event is EvaluationEvent => event.kind === "evaluation");
  const sections: Html[] = [tiles(summary(prepared, steps, evaluations))];
  if (steps.length > 0) sections.push(section("Training", [figures(trainingFigures(report, steps, evaluations))]));
  if (comparison) {
    sections.push(...comparisonSections(comparison, prepared.words.comparison));
  }
  return page(prepared.words.title, lead(report, steps), sections);
}

function summary(prepared: PreparedTask, steps: readonly StepEvent[], evaluations: readonly EvaluationEvent[]): Tile[] {
  const masked = steps.reduce((sum, { layer }) => sum + (layer?.masked.length ?? 0), 0);
  const elapsed = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  const iterations = steps.flatMap(({ layer }) => (layer ? [layer.iterations] : []));
  const perStep = steps.length === 0 ? "" : `${text.milliseconds((1000 * elapsed) / steps.length)} ms a step`;
  const solver: Tile = {
    label: "Solver iterations",
    value: String(median(iterations)),
    note: `median of the steps; ${masked} items masked`,
  };
  return [
    headlineTile(prepared, evaluations.at(-1)),
    { label: "Training steps", value: text.thousands(steps.length), note: epochsOf(steps) },
    { label: "Training time", value: text.seconds(elapsed), note: perStep },
    ...(iterations.length > 0 ? [solver] : []),
  ];
}

function headlineTile({ task: { headline }, words }: PreparedTask, last: EvaluationEvent | undefined): Tile {
  const label = text.capital(headline.words);
  if (!last) return { label, value: "none yet", note: "the run was stopped before its first evaluation" };
  const value = headlineOf(headline, last);
  const right = Math.round(value * last.count);
  const counted = headline.share ? `${text.thousands(right)} of ${text.thousands(last.count)}` : `${last.count}`;
  return {
    label,
    value: headlineValue(headline, value),
    note: `${counted} ${words.examples}, after step ${last.step}`,
  };
}

function headlineValue({ share }: Headline, value: number): string {
  return share ? text.percent(value) : text.short(value);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function lead({ prepared, started, machine }: TrainingReport, steps: readonly StepEvent[]): string {
  const run = `${text.thousands(steps.length)} steps (${epochsOf(steps)}), seed ${prepared.seed}.`;
  return `${prepared.words.lead} ${run} ${provenance(started, machine)}`;
}

function epochsOf(steps: readonly StepEvent[]): string {
  const epochs = steps.at(-1)?.epoch ?? 0;
  return epochs === 1 ? "in one epoch" : `in ${epochs} epochs`;
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
  { prepared: { task, words, batchSize, seed } }: TrainingReport,
  steps: readonly StepEvent[],
  evaluations: readonly EvaluationEvent[],
): Html[] {
  const { headline } = task;
  const run = `${text.thousands(task.train.count)} training ${words.examples} in batches of ${batchSize}, seed ${seed}`;
  const last = evaluations.at(-1);
  const loss = curve("Loss", steps, evaluations, (event) => event.loss, {
    axis: { label: words.loss, type: "log" },
    examples: words.examples,
    caption: `${run}. The pale line is each batch before its step, the strong one its mean over ${windowOf(steps.length)} steps, dots are the test ${words.examples}.`,
  });
  if (headline.measure === "loss") return [loss];
  const values = steps.map((event) => headlineOf(headline, event));
  const judged = curve(text.capital(headline.measure), steps, evaluations, (event) => headlineOf(headline, event), {
    axis: { label: words.headline, percent: headline.share, ...domainOf(headline, values) },
    examples: words.examples,
    caption: `${run}. The last test value is ${last ? headlineValue(headline, headlineOf(headline, last)) : "not there yet"}.`,
  });
  return [loss, judged];
}

/** A share that should rise begins where the run spends most of its time. */
function domainOf({ share, better }: Headline, values: readonly number[]): Pick<Axis, "domain"> {
  if (!share || better === "lower") return {};
  const sorted = values.toSorted((a, b) => a - b);
  return { domain: [Math.floor(10 * sorted[Math.floor(sorted.length / 20)]) / 10, 1] };
}

interface CurveWords {
  readonly axis: Axis;
  readonly examples: string;
  readonly caption: string;
}

function curve(
  title: string,
  steps: readonly StepEvent[],
  evaluations: readonly EvaluationEvent[],
  value: (event: StepEvent | EvaluationEvent) => number,
  { axis, examples, caption }: CurveWords,
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
    { label: `test ${examples}`, color: colors.second },
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
