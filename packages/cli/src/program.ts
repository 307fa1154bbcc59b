import { Command, Option } from "commander";
import type { BenchCommandOptions } from "./commands/bench.ts";
import type { CompareCommandOptions } from "./commands/compare.ts";
import { infoCommand, version } from "./commands/info.ts";
import { differentiationOption, names, positiveInteger, positiveNumber, seed, share } from "./commands/options.ts";
import type { ReportCommandOptions } from "./commands/report.ts";
import { type SolveCommandOptions, solveCommand } from "./commands/solve.ts";
import type { TrainCommandOptions } from "./commands/train.ts";

/** The command line: what it accepts, and which command runs. `finish` receives the exit code of the command. */
export function program(finish: (exitCode: number) => void): Command {
  const root = new Command("solvegrad")
    .description("Differentiate through optimization problems: solve, compare, train.")
    .version(version())
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, "solvegrad: ")) })
    .exitOverride();
  for (const command of [solve, compare, train, bench, report, info].map((make) => make(finish)))
    root.addCommand(command.copyInheritedSettings(root));
  return root;
}

const problemArgument =
  'a problem as JSON, such as {"kind": "qp", "Q": [[..]], "q": [..], ..} (kinds qp, sparsemax, entropy), or as MPS or QPS; - for the standard input';
const cotangentWords = "of the loss cotangent'x, in place of the file's own: \"ones\", or a JSON file of numbers";

function solve(finish: (exitCode: number) => void): Command {
  return new Command("solve")
    .description("solve a problem, and differentiate cotangent'x with respect to its data where it has a cotangent")
    .argument("<file>", problemArgument)
    .addOption(differentiationOption("implicit"))
    .option("--cotangent <ones|file>", cotangentWords)
    .option("--tolerance <t>", "stop when the residuals are below this", positiveNumber, 1e-9)
    .option("--time-limit <seconds>", "stop after this time, with what was found", positiveNumber)
    .option("--explain", "which constraints bind, what their bounds are worth, and which rows conflict")
    .option("--json", "print one JSON object")
    .action(async (file: string, options: SolveCommandOptions) => finish(await solveCommand(file, options)));
}

function compare(finish: (exitCode: number) => void): Command {
  return new Command("compare")
    .description("compare the gradients of cotangent'x by several differentiation rules")
    .argument("[file]", problemArgument)
    .option("--rules <names>", "which, of implicit, alternating, unrolled (default: all)", names)
    .option("--cotangent <ones|file>", cotangentWords)
    .option("--random <n,m,p>", "a random QP of n variables, m inequalities and p equalities in place of a file")
    .option("--seed <s>", "of the random QP", seed, 0)
    .option("--time-limit <seconds>", "for each of the two studies behind the figures", positiveNumber, 30)
    .option("--html <out>", "also write a page with figures to this file")
    .option("--json", "print one JSON object")
    .action(async (file: string | undefined, options: CompareCommandOptions) => {
      // the pages' plotting library is loaded by those who may need it
      const { compareCommand } = await import("./commands/compare.ts");
      finish(await compareCommand(file, options));
    });
}

function train(finish: (exitCode: number) => void): Command {
  return new Command("train")
    .description("train a network with an optimization layer on real data, and write weights, metrics and a page")
    .argument("<task>", "mnist, fashion-mnist, sudoku, energy or denoise")
    .addOption(differentiationOption())
    .option(
      "--layer <kind>",
      "mnist, fashion-mnist: fixed, learned-A, optnet, none; sudoku: optnet, perceptron, convolutions; energy: end-to-end, two-stage (weighted: end-to-end, likelihood, squared-error); denoise: optnet, learned-differences, perceptron",
    )
    .option("--tolerance <t>", "of the layer's solver and of the alternating recursion", positiveNumber)
    .addOption(
      new Option("--on-failure <what>", "for an item without solution").choices(["raise", "mask"]).default("raise"),
    )
    .option("--epochs <n>", "times through the training examples", positiveInteger, 1)
    .option("--steps <n>", "stop after this many steps", positiveInteger)
    .option("--patience <n>", "stop after this many evaluations without a new best", positiveInteger)
    .option("--batch-size <n>", "examples a step", positiveInteger)
    .option("--cooldown <share>", "of the run, at its end, in which the learning rate falls to zero", share)
    .option("--seed <s>", "of the weights, the layer and the order of the examples", seed, 0)
    .option("--out <dir>", "folder of the results (results/TASK)")
    .option(
      "--data <path>",
      "where the data are (mnist, fashion-mnist: a folder with the four IDX files, gzipped or not; sudoku: lines puzzle,solution; energy: hourly load)",
    )
    .addOption(
      new Option(
        "--cost <kind>",
        "energy: squared, or weighted: 50 a GW short, 0.5 a GW over (default: squared)",
      ).choices(["squared", "weighted"]),
    )
    .option(
      "--ramp <r>",
      "energy: largest change in an hour, of the load scaled to [0, 1] (weighted: in GW)",
      positiveNumber,
    )
    .option("--time-zone <name>", "energy: where test days begin at midnight, such as America/New_York (default: UTC)")
    .option("--resume", "go on with the run that --out keeps")
    .action(async (task: string, options: TrainCommandOptions) => {
      const { trainCommand } = await import("./commands/train.ts");
      finish(await trainCommand(task, options));
    });
}

function bench(finish: (exitCode: number) => void): Command {
  return new Command("bench")
    .description("make one table or figure of the papers again, with the published numbers beside ours")
    .argument(
      "<name>",
      "a table or figure of Alt-Diff (table-1, 2, 4 to 7, figure-1, 2) or of OptNet (batch-times, denoising, sudoku, piecewise-linear, three-planes), or fashion-mnist",
    )
    .option("--sizes <list>", 'sizes in place of its own: "n,m,p;n,m,p", or "n;n" where one number is a size')
    .option("--epochs <n>", "times through the training examples", positiveInteger)
    .option("--examples <n>", "training examples", positiveInteger)
    .option("--seeds <n>", "how many seeds", positiveInteger)
    .option("--seed <s>", "the first seed", seed)
    .option("--data <path>", "figure-2: hourly load; table-7 and fashion-mnist: a folder with four IDX files")
    .option("--json", "print one JSON object")
    .action(async (name: string, options: BenchCommandOptions) => {
      const { benchCommand } = await import("./commands/bench.ts");
      finish(await benchCommand(name, options));
    });
}

function report(finish: (exitCode: number) => void): Command {
  return new Command("report")
    .description("run every table and figure of the papers that has not been run, and write them as one page")
    .option("--out <dir>", "folder of the page and of what was run", "results/report")
    .option("--only <names>", "some of what bench knows, between commas (default: all)", names)
    .option("--epochs <n>", "for those that train", positiveInteger)
    .option("--examples <n>", "training examples of those that train", positiveInteger)
    .option("--seeds <n>", "how many seeds, where several are run", positiveInteger)
    .option("--load <file>", "hourly load for figure-2 (without it a made-up one)")
    .option("--fashion <dir>", "Fashion-MNIST's four IDX files (without it those of Debian's package)")
    .action(async (options: ReportCommandOptions) => {
      const { reportCommand } = await import("./commands/report.ts");
      finish(await reportCommand(options));
    });
}

function info(finish: (exitCode: number) => void): Command {
  return new Command("info")
    .description("which kernels run, how many threads, versions")
    .option("--json", "print one JSON object")
    .action((options: { json?: boolean }) => finish(infoCommand(options)));
}
