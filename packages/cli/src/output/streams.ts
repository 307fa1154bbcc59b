import { reasonOf } from "../input/read-text.ts";

/** Writes a line to the standard error. */
export function complain(line: string): void {
  process.stderr.write(`solvegrad: ${line}\n`);
}

/**
 * When the reader of a pipe goes away the rest of the output is dropped; the work and its exit code stand. Output that
 * is lost for another reason, such as a full disk, is dropped too, but said once, and success becomes `exitCode`.
 */
export function outliveLostOutput(exitCode: number): void {
  let lost = false;
  const readerIsGone = ({ code }: NodeJS.ErrnoException) => code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
  process.stdout.on("error", (error) => {
    if (lost || readerIsGone(error)) return;
    lost = true;
    complain(`cannot write to the standard output: ${reasonOf(error)}`);
  });
  process.stderr.on("error", () => {});
  process.on("exit", () => {
    if (lost && process.exitCode === 0) process.exitCode = exitCode;
  });
}
