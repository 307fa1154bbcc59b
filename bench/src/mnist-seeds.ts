/**
 * One epoch of the image classifier of Alt-Diff (section F.2) on real MNIST with several seeds and each way of
 * differentiating its optimization layer: test accuracy, seconds, milliseconds a step and where they go, solver
 * iterations, masked items, and whether every loss was finite.
 *
 *     npm run bench:mnist [-- SEEDS [RULE ...]]        for example: npm run bench:mnist -- 0,1 alternating
 */
import { activeKernels } from "@solvegrad/linalg";
import {
  cooldown,
  type Differentiation,
  differentiations,
  type EvaluationEvent,
  imageSettings,
  imageTask,
  loadMnist,
  type StepEvent,
  takeStep,
  train,
} from "@solvegrad/models";
import { median } from "./median.ts";
import { profiled } from "./profile.ts";

const [seeds = "0,1,2,3,4", ...rules] = process.argv.slice(2);
const data = loadMnist();

async function epoch(differentiation: Differentiation, seed: number): Promise<string> {
  const settings = imageSettings({ differentiation, seed, onFailure: "mask" });
  const task = imageTask(settings, data);
  const steps: StepEvent[] = [];
  let evaluation: EvaluationEvent | undefined;
  for await (const event of train(task, { epochs: 1, ...settings, schedule: cooldown(settings.cooldown) })) {
    if (event.kind === "step") steps.push(event);
    else evaluation = event;
  }
  const cells = [
    differentiation.padEnd(12),
    String(seed).padStart(4),
    `${(100 * (evaluation?.measures.accuracy ?? 0)).toFixed(2)} %`.padStart(9),
    (steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000).toFixed(1).padStart(9),
    median(steps.map(({ milliseconds }) => milliseconds))
      .toFixed(1)
      .padStart(9),
    String(Math.max(...steps.map(({ layer }) => layer?.iterations ?? 0))).padStart(11),
    String(steps.reduce((sum, { layer }) => sum + (layer?.masked.length ?? 0), 0)).padStart(7),
    steps.every(({ loss }) => Number.isFinite(loss)) ? "yes" : "NO",
  ];
  return cells.join(" ");
}

/** The parts of the program that a training step spends its time in. */
async function whereTimeGoes(differentiation: Differentiation): Promise<string> {
  const task = imageTask(imageSettings({ differentiation }), data);
  const batch = task.train.batch(Int32Array.from({ length: task.settings.batchSize }, (_, i) => i));
  const steps = (count: number) => {
    for (let i = 0; i < count; i++) takeStep(task, batch);
  };
  steps(10);
  const parts = await profiled(() => steps(30), 8);
  return parts.map(({ name, share }) => `${name} ${(100 * share).toFixed(0)} %`).join(", ");
}

console.log(`kernels: ${activeKernels().description}, ${activeKernels().threads} threads`);
const chosen = differentiations.filter((rule) => (rules.length === 0 ? rule !== "unrolled" : rules.includes(rule)));
for (const differentiation of chosen) {
  console.log(`\n${differentiation}: ${await whereTimeGoes(differentiation)}`);
  console.log("rule         seed  accuracy   seconds   ms/step  iterations  masked finite");
  for (const seed of seeds.split(",").map(Number)) console.log(await epoch(differentiation, seed));
}
