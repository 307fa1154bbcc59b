import { reasonOf } from "../input/read-text.ts";

/** Longer messages quote what came in, and are cut. */
const longest = 1000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Writes a line to the standard error, one that a terminal shows and does not obey, whatever text of a file it quotes. */
export function complain(line: string): void {
  const whole = line.length > longest ? `${line.slice(0, longest)}...` : line;
  const shown = whole.replace(controls, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  process.stderr.write(`solvegrad: ${shown}\n`);
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
