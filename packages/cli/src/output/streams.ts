/** Writes a line to the standard error. */
export function complain(line: string): void {
  process.stderr.write(`solvegrad: ${line}\n`);
}

/** When the reader of a pipe goes away the rest of the output is dropped; the work and its exit code stand. */
export function outliveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
    });
  }
}
