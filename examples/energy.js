// An energy scheduler from a CSV of hourly load (columns Datetime and X_MW): node examples/energy.js load.csv
//
// The demand of 24 hours is forecast from that of 72, and the generation follows it as its ramp allows. A GW too little costs
// 50, one too much 0.5: the schedule has the least expected cost, and the forecast learns what that costs (Donti et al. 2017).
import { readFileSync } from "node:fs";
import { random } from "@solvegrad/autograd";
import { costSettings, costTask, loadWindows, parseLoad, syntheticLoad, train } from "@solvegrad/models";

const file = process.argv[2];
const series = parseLoad(file ? readFileSync(file, "utf8") : madeUp(), file ?? "a made-up load");
const split = loadWindows(series, { every: 12 });
const [low, high] = [split.low, split.high].map((load) => load * series.gigawatts);
const task = costTask(costSettings({ low, high, ramp: 0.25, learningRate: 3e-3 }), split);
console.log(`${split.train.count} windows to learn from, ${split.test.count} days held out, from ${series.source}`);

for await (const event of train(task, { epochs: 4, batchSize: 32, seed: 0 })) {
  if (event.kind === "evaluation") console.log(`epoch ${event.epoch}: an hour costs ${event.measures.cost.toFixed(3)}`);
}
const day = split.test.batch(Int32Array.of(0));
const demand = task.network.inGigawatts(day.demand).data();
const generation = task.network.forward(day.past).data();
for (let hour = 0; hour < 24; hour += 6) {
  console.log(`${hour}:00  generation ${generation[hour].toFixed(3)} GW  demand ${demand[hour].toFixed(3)} GW`);
}

/** A year as such a file has it. */
function madeUp() {
  const { start, load } = syntheticLoad(200, random(1));
  const line = (value, i) => {
    const time = new Date(3_600_000 * (start + i)).toISOString().slice(0, 19).replace("T", " ");
    return `${time},${(1000 * value).toFixed(1)}`;
  };
  return ["Datetime,HERE_MW", ...Array.from(load, line)].join("\n");
}
