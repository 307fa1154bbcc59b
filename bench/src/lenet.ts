/**
 * One training step of LeNet (LeCun et al., 1998, in the form of Caffe's MNIST example), through the public API:
 * convolution 20 @ 5x5, max-pool, convolution 50 @ 5x5, max-pool, fully connected 500, ReLU, fully connected 10;
 * batch 64, float32; forward, backward, Adam. Prints the median milliseconds with each kernel set, and where the time
 * goes. On a machine that does other work too, the fastest step says more than the median.
 *
 *     npm run bench:lenet
 */
import { Adam, Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, ReLU, random, Sequential } from "@solvegrad/autograd";
import { availableKernels, type KernelName, useKernels } from "@solvegrad/linalg";
import { median } from "./median.ts";
import { profiled } from "./profile.ts";

const BATCH = 64;
const PYTORCH_MILLISECONDS = 21;
const SECONDS_PER_SET = 4;

interface Step {
  readonly forward: number;
  readonly backward: number;
  readonly update: number;
  readonly total: number;
}

/** A network, its optimizer and one batch of random images: the same for every kernel set. */
function training(): () => Step {
  const generator = random(1);
  const options = { random: generator };
  const network = new Sequential(
    new Conv2d(1, 20, 5, options),
    new MaxPool2d(2),
    new Conv2d(20, 50, 5, options),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(800, 500, options),
    new ReLU(),
    new Linear(500, 10, options),
  );
  const optimizer = new Adam(network.parameters(), { learningRate: 1e-3 });
  const images = generator.uniform([BATCH, 1, 28, 28], { dtype: "float32" });
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  return () => {
    const start = performance.now();
    const loss = crossEntropy(network.forward(images), labels);
    const forwardEnd = performance.now();
    loss.backward();
    const backwardEnd = performance.now();
    optimizer.step();
    optimizer.zeroGrad();
    const end = performance.now();
    return {
      forward: forwardEnd - start,
      backward: backwardEnd - forwardEnd,
      update: end - backwardEnd,
      total: end - start,
    };
  };
}

/** Runs steps for a few seconds; the first fifth warms the engine up and does not count. */
function measure(step: () => Step): Step[] {
  const steps: Step[] = [];
  const end = performance.now() + SECONDS_PER_SET * 1000;
  while (performance.now() < end || steps.length < 3) {
    steps.push(step());
  }
  return steps.slice(Math.floor(steps.length / 5));
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(10))).join("");
}

function report(name: KernelName): void {
  const { description, threads } = useKernels(name);
  const steps = measure(training());
  const milliseconds = (["total", "forward", "backward", "update"] as const).map((part) =>
    median(steps.map((step) => step[part])).toFixed(1),
  );
  const least = Math.min(...steps.map((step) => step.total)).toFixed(1);
  console.log(`${row([name, ...milliseconds, least, String(steps.length)])}   ${description}, threads: ${threads}`);
}

console.log(`LeNet, batch ${BATCH}, float32: median milliseconds of a step and its parts, and the fastest step`);
console.log(row(["kernels", "step", "forward", "backward", "Adam", "fastest", "steps"]));
const names = availableKernels();
for (const name of names) {
  report(name);
}
console.log(
  `to beat: ${PYTORCH_MILLISECONDS} ms (PyTorch 2.13 on both cores of the machine these kernels were tuned on)`,
);

useKernels(names[0]);
const step = training();
for (let i = 0; i < 20; i++) {
  step();
}
console.log(`\nShare of the time by part, with the ${names[0]} kernels:`);
for (const { name, share } of await profiled(() => {
  for (let i = 0; i < 100; i++) {
    step();
  }
})) {
  console.log(`${(100 * share).toFixed(1).padStart(6)} %  ${name}`);
}
