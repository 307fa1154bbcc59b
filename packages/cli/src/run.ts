import { KernelSelectionError } from "@solvegrad/linalg";
import { DataFileError } from "@solvegrad/models";
import { DatumRangeError, DatumTypeError, OptimizationError, OptionError } from "@solvegrad/optlayers";
import { CommanderError } from "commander";
import { exitCodes, InputError } from "./exit.ts";
import { exitCodeOf } from "./output/solve-report.ts";
import { complain } from "./output/streams.ts";
import { program } from "./program.ts";

/** Runs one command line and returns its exit code. Whatever goes wrong becomes one line on the standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.solved;
  try {
    await program((code) => {
      exitCode = code;
    }).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.solved : exitCodes.badInput;
  if (error instanceof OptimizationError) {
    complain(error.message);
    return exitCodeOf([error.status]);
  }
  if (isBadInput(error)) {
    complain(oneLine(error.message));
    return exitCodes.badInput;
  }
  complain(
    `internal error: ${oneLine(error instanceof Error ? error.message : String(error))} (SOLVEGRAD_DEBUG=1 shows where)`,
  );
  if (process.env.SOLVEGRAD_DEBUG === "1") console.error(error);
  return exitCodes.internalError;
}

function isBadInput(error: unknown): error is Error {
  return [InputError, KernelSelectionError, DataFileError, DatumTypeError, DatumRangeError, OptionError].some(
    (kind) => error instanceof kind,
  );
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, " ");
}
