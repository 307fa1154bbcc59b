import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { progress } from "../src/output/progress.ts";
import { solveProgress } from "../src/output/solve-progress.ts";

function terminal(columns: number) {
  const written: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns });
  stream.on("data", (chunk: Buffer) => written.push(chunk.toString()));
  return { stream, written };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of a terminal begin with one
const escapes = /\u001b(\[[0-9;?]*[A-Za-z]|[78])/g;

describe("the progress of a long solve on a terminal", () => {
  it("is one line, not before half a second, and goes away at the end", async () => {
    const { stream, written } = terminal(80);
    const { onIteration, end } = solveProgress(stream as never);
    onIteration?.({ iteration: 1, primal: 1, dual: 1, unfinished: 1 });
    expect(written).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 520));
    onIteration?.({ iteration: 70, primal: 2e-4, dual: 1e-5, unfinished: 1 });
    end();
    expect(written.join("").replace(escapes, "|").replaceAll("\r", "")).toBe(
      "|iteration 70  primal 2.0e-4  dual 1.0e-5|",
    );
  });

  it("is silent in a pipe", () => {
    expect(solveProgress(Object.assign(new PassThrough(), { isTTY: false }) as never).onIteration).toBeUndefined();
  });
});

describe("the progress of a long run on a terminal", () => {
  it.each([80, 120])("is shown whole in %i columns: the time left, and the longest note", (columns) => {
    const { stream, written } = terminal(columns);
    const display = progress("training", 2814, 1000, stream);
    display.update(2813, "loss 0.116  accuracy 96.2 %  115 iterations");
    display.stop();
    const line = written.join("").replace(escapes, "\n").trim().split("\n").at(-1) ?? "";
    expect(line).toMatch(
      /^training (\[[=-]+\] )?99% 2813\/2814 {2}\S+ left {2}loss 0\.116 {2}accuracy 96\.2 % {2}115 iterations$/,
    );
    expect(line.length).toBeLessThanOrEqual(columns);
  });

  it("ends with its line, and nothing is drawn over the text that follows", async () => {
    const { stream, written } = terminal(110);
    const display = progress("training", 10, 0, stream);
    display.stop();
    expect(written.at(-1)).toMatch(/\n$/);
    const before = written.length;
    display.update(5, "loss 1");
    display.stop();
    await new Promise((resolve) => setTimeout(resolve, 250)); // the bar draws itself ten times a second
    expect(written).toHaveLength(before);
  });
});
