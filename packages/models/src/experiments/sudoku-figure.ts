import { random } from "@solvegrad/autograd";
import { generateSudoku, type SudokuSet } from "../datasets/sudoku.ts";
import { cosine } from "../training/schedule.ts";
import type { Cell, Experiment } from "./experiment.ts";
import { type SudokuNetwork, sudokuNetworks, sudokuSettings, sudokuTask } from "./sudoku-task.ts";
import { epochSeconds, seriesOf, type TrainingCurve, trainingCurves } from "./training-curves.ts";

/** OptNet's Sudoku figure: boards wrong by epoch, of the optimization layer and of its baselines. */
export const sudokuFigure: Experiment = {
  name: "sudoku",
  title: "Mini-Sudoku learned from examples",
  source: "OptNet, section 4.4",
  takes: ["epochs", "examples", "seeds", "seed"],
  async run({ epochs = 10, examples = 9000, seeds = 1, seed: first = 0 }, progress, signal) {
    const settings = Array.from({ length: seeds }, (_, k) => first + k).flatMap((seed) => {
      const data = lazily(() => boards(examples, seed));
      return sudokuNetworks.map((layer) => {
        const chosen = sudokuSettings({ layer, seed, onFailure: "mask" });
        const label = seeds === 1 ? layer : `${layer}, seed ${seed}`;
        const task = () => sudokuTask(chosen, data());
        return { label, layer, seed, task, epochs, batchSize: chosen.batchSize, schedule: cosine() };
      });
    });
    const { curves, complete } = await trainingCurves(settings, { progress, signal });
    const words = caption(examples, epochs);
    return {
      tables: [{ columns, rows: curves.map((curve, k) => row(curve, settings[k])), caption: words }],
      figures: [figure(curves)],
      complete,
    };
  },
};

function figure(curves: readonly TrainingCurve[]) {
  return {
    title: "Test boards with a rule broken",
    x: { label: "epoch" },
    y: { label: "boards wrong", percent: true },
    series: curves.map((curve) => seriesOf(curve, ({ test }) => test.measures.wrong)),
    caption: "On the test boards, after every epoch.",
  };
}

const columns = [
  { title: "network", unit: "text" },
  { title: "seed", unit: "count" },
  { title: "wrong after 3 epochs", unit: "share" },
  { title: "wrong at the end", unit: "share" },
  { title: "fewest wrong", unit: "share" },
  { title: "training loss", unit: "number" },
  { title: "test loss", unit: "number" },
  { title: "s an epoch", unit: "seconds" },
  { title: "masked", unit: "count" },
  { title: "paper", unit: "text", published: true },
] as const;

const published: Record<SudokuNetwork, string> = {
  optnet: "learns the rules in three epochs",
  perceptron: "not in our copy",
  convolutions: "does not learn the rules, overfits",
};

function row(curve: TrainingCurve, { layer, seed }: { readonly layer: SudokuNetwork; readonly seed: number }): Cell[] {
  const { points, masked } = curve;
  const wrong = points.map(({ test }) => test.measures.wrong);
  const last = points.at(-1);
  return [
    ...[layer, seed, wrong[2] ?? null, wrong.at(-1) ?? null, wrong.length > 0 ? Math.min(...wrong) : null],
    ...[last?.trainLoss ?? null, last?.test.loss ?? null, epochSeconds(curve), masked, published[layer]],
  ];
}

function caption(examples: number, epochs: number): string {
  return (
    `4 x 4 Sudokus generated from the seed, ${examples} to learn from and ${testCount(examples)} others to be tested on; ${epochs} ${epochs === 1 ? "epoch" : "epochs"}, batches of 150, Adam falling along a cosine. ` +
    "optnet: one optimization layer with 40 learned equalities, implicit, to 1e-6. perceptron: 64 - 100 - 100 - 100 - 100 - 64. convolutions: ten of 3 x 3 with 64 filters (the paper's has 512). " +
    "A board is wrong when its largest entries break a rule; losses are mean squared errors."
  );
}

function testCount(examples: number): number {
  return Math.max(1, Math.round(examples / 9));
}

function boards(examples: number, seed: number): { readonly train: SudokuSet; readonly test: SudokuSet } {
  const { block, puzzles, solutions } = generateSudoku(examples + testCount(examples), random(seed));
  const part = (from: number, to?: number) => ({
    block,
    puzzles: puzzles.slice(from, to),
    solutions: solutions.slice(from, to),
  });
  return { train: part(0, examples), test: part(examples) };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
