import { Command } from "commander";
import { infoCommand, version } from "./commands/info.ts";
import { differentiationOption, positiveNumber } from "./commands/options.ts";
import { type SolveCommandOptions, solveCommand } from "./commands/solve.ts";

/** The command line: what it accepts, and which command runs. `finish` receives the exit code of the command. */
export function program(finish: (exitCode: number) => void): Command {
  const root = new Command("solvegrad")
    .description("Differentiate through optimization problems: solve, compare, train.")
    .version(version())
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, "solvegrad: ")) })
    .exitOverride();
  for (const command of [solve(finish), info(finish)]) root.addCommand(command.copyInheritedSettings(root));
  return root;
}

function solve(finish: (exitCode: number) => void): Command {
  return new Command("solve")
    .description("solve a problem from a JSON file and differentiate cotangent'x with respect to its data")
    .argument(
      "<file>",
      'a JSON problem such as {"kind": "qp", "Q": [[..]], "q": [..], ..}, or - for the standard input',
    )
    .addOption(differentiationOption("implicit"))
    .option("--tolerance <t>", "stop when the residuals are below this", positiveNumber, 1e-9)
    .option("--json", "print one JSON object")
    .action(async (file: string, options: SolveCommandOptions) => finish(await solveCommand(file, options)));
}

function info(finish: (exitCode: number) => void): Command {
  return new Command("info")
    .description("which kernels run, how many threads, versions")
    .option("--json", "print one JSON object")
    .action((options: { json?: boolean }) => finish(infoCommand(options)));
}
