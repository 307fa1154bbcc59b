import type { IterationProgress } from "@solvegrad/optlayers";

/** Milliseconds before a solve shows where it is, and between two looks. */
const patience = 500;

/** Shows on a terminal where a long solve is, in one line that goes away at its end. */
export interface SolveProgress {
  /** Undefined where there is nobody to look. */
  readonly onIteration: ((progress: IterationProgress) => void) | undefined;
  end(): void;
}

export function solveProgress(stream: NodeJS.WriteStream = process.stderr): SolveProgress {
  if (!stream.isTTY) return { onIteration: undefined, end: () => {} };
  let last = performance.now();
  let shown = false;
  return {
    onIteration({ iteration, primal, dual }) {
      if (performance.now() - last < patience) return;
      last = performance.now();
      shown = true;
      stream.write(`\r\x1b[Kiteration ${iteration}  primal ${primal.toExponential(1)}  dual ${dual.toExponential(1)}`);
    },
    end() {
      if (shown) stream.write("\r\x1b[K");
    },
  };
}
