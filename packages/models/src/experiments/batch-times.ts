import { eye, Linear, random, type Tensor } from "@solvegrad/autograd";
import { denseLayer } from "./dense-methods.ts";
import { type Cell, type Experiment, notInOurCopy } from "./experiment.ts";
import { type LayerTime, layerTimes, type TimedLayer } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";

const batch = 128;

/**
 * OptNet's timing of a minibatch (section 4.1): a layer of as many inequalities as variables and no equalities, beside a linear layer of the
 * same width. Q = LL' + 1e-3 I with L uniform, G normal, h = G z0 + s0 with z0 normal and s0 uniform: always feasible.
 */
export const batchTimes: Experiment = {
  name: "batch-times",
  title: "A minibatch of 128 through one layer",
  source: "OptNet, section 4.1",
  sizes: { letters: ["n"], defaults: [[10], [100], [200]] },
  takes: ["sizes", "seed"],
  async run({ sizes = batchTimes.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const measure = async ([n]: readonly number[]) => {
      const inputs = layerInputs(n, seed);
      const [linear] = await layerTimes({ linear: linearLayer(n, seed) }, { q: inputs.q }, { signal });
      const times = await layerTimes(methods, inputs, { signal });
      return [row(n, { ...linear, status: "" }), ...times.map((time) => row(n, time))];
    };
    return tableOfEach({ columns, caption: caption(seed) }, sizes, ([n]) => `n = ${n}`, measure, { progress, signal });
  },
};

const methods = { implicit: denseLayer("implicit", 1e-6), alternating: denseLayer("alternating", 1e-3) };

function layerInputs(n: number, seed: number): Readonly<Record<"Q" | "q" | "G" | "h", Tensor>> {
  const generator = random(seed);
  const L = generator.uniform([n, n]);
  const [G, z0, s0] = [generator.normal([n, n]), generator.normal([n]), generator.uniform([n])];
  const inputs = {
    Q: L.matmul(L.transpose()).add(eye(n).mul(1e-3)),
    q: generator.normal([batch, n]),
    G,
    h: G.matmul(z0).add(s0),
  };
  for (const input of Object.values(inputs)) input.requiresGrad = true;
  return inputs;
}

function linearLayer(n: number, seed: number): TimedLayer {
  const layer = new Linear(n, n, { random: random(seed), dtype: "float64" });
  return ({ q }) => ({ x: layer.forward(q), solution: { status: [], iterations: new Int32Array(0) } });
}

const columns = [
  { title: "n", unit: "count" },
  { title: "layer", unit: "text" },
  { title: "forward s", unit: "seconds" },
  { title: "backward s", unit: "seconds" },
  { title: "total s", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "status", unit: "text" },
  { title: "paper: total s", unit: "text", published: true },
] as const;

function row(n: number, { method, forward, backward, iterations, status }: LayerTime): Cell[] {
  const solver = status === "" ? [null, null] : [iterations, status];
  return [n, method, forward, backward, forward + backward, ...solver, notInOurCopy];
}

function caption(seed: number): string {
  return (
    `A batch of ${batch} through a layer of n variables and n inequalities, and back: Q = LL' + 1e-3 I with L uniform, G normal, h = G z0 + s0 with z0 normal and s0 uniform (seed ${seed}); the matrices are shared, q is batched. ` +
    "Implicit to 1e-6 (OptNet's way), alternating to 1e-3; linear is a fully connected layer of the same width. Medians of up to three runs. The paper's numbers (on a GPU, and Gurobi) were lost from our copy."
  );
}
