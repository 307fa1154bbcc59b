import { setImmediate } from "node:timers/promises";
import type { Tensor } from "@solvegrad/autograd";
import { compareLayers, type LayerRow, type Solution } from "@solvegrad/optlayers";
import { medianOf } from "./median.ts";

/** What a layer gives of itself: its output, and what its solver says. */
export interface LayerOutcome {
  readonly x: Tensor;
  readonly solution: Pick<Solution, "status" | "iterations">;
}

export type TimedLayer = (inputs: Readonly<Record<string, Tensor>>) => LayerOutcome;

/** What one way to compute a layer costs, and how far its gradient is from the first way's. */
export interface LayerTime {
  readonly method: string;
  /** Seconds of a call, its checks of the data with it, and of the gradient of one loss in all inputs. */
  readonly forward: number;
  readonly backward: number;
  readonly cosine: number;
  readonly relativeDifference: number;
  /** Of the solver; the largest of a batch. */
  readonly iterations: number;
  /** "solved" where every item is, otherwise each status with the number of its items. */
  readonly status: string;
}

export interface TimingOptions {
  /** Most repetitions; the medians of the times are taken. Default 3. */
  readonly runs?: number;
  /** No repetition begins after so many seconds. Default 5. */
  readonly seconds?: number;
  readonly signal?: AbortSignal;
}

/** Times layers that compute the same on the same inputs, one after another, and compares their gradients of one loss with the first one's. */
export async function layerTimes(
  layers: Readonly<Record<string, TimedLayer>>,
  inputs: Readonly<Record<string, Tensor>>,
  { runs = 3, seconds = 5, signal }: TimingOptions = {},
): Promise<LayerTime[]> {
  const begin = performance.now();
  const seen = new Map<string, LayerOutcome["solution"]>();
  const watched = Object.entries(layers).map(([method, layer]) => [method, watch(method, layer, seen)] as const);
  const comparisons: (readonly LayerRow[])[] = [];
  do {
    comparisons.push(compareLayers(Object.fromEntries(watched), inputs).layers);
    await setImmediate();
  } while (comparisons.length < runs && performance.now() - begin < 1000 * seconds && !signal?.aborted);
  return Object.keys(layers).map((method, k) =>
    summary(
      comparisons.map((rows) => rows[k]),
      seen.get(method),
    ),
  );
}

function watch(method: string, layer: TimedLayer, seen: Map<string, LayerOutcome["solution"]>) {
  return (inputs: Readonly<Record<string, Tensor>>) => {
    const { x, solution } = layer(inputs);
    seen.set(method, solution);
    return x;
  };
}

function summary(rows: readonly LayerRow[], solution: LayerOutcome["solution"] | undefined): LayerTime {
  const [{ layer, overall }] = rows;
  return {
    method: layer,
    forward: medianOf(rows.map(({ forwardMilliseconds }) => forwardMilliseconds)) / 1000,
    backward: medianOf(rows.map(({ backwardMilliseconds }) => backwardMilliseconds)) / 1000,
    cosine: overall.cosine,
    relativeDifference: overall.relativeDifference,
    iterations: Math.max(0, ...(solution?.iterations ?? [])),
    status: statusWords(solution?.status ?? []),
  };
}

/** "solved", or "120 solved, 8 max_iterations". */
export function statusWords(statuses: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  if (counts.size === 1) return statuses[0];
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}
