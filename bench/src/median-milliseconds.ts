import Benchmark from "benchmark";
import { median } from "./median.ts";

/** The median milliseconds of a call, by benchmark.js. */
export function medianMilliseconds(run: () => void): number {
  const benchmark = new Benchmark(run, { maxTime: 2, minSamples: 7 });
  benchmark.run();
  return 1000 * median(benchmark.stats.sample);
}
