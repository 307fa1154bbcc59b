// Smoothing a long signal whose steepness is learned: x is the nearest signal to the measured y that changes by at most r,
//
//     minimize 1/2 |x - y|^2   subject to  -r <= x_{i+1} - x_i <= r,
//
// 2,000 variables with two entries a column of G: the cost grows with the samples, not with their square.
import { Adam, random, tensor } from "@solvegrad/autograd";
import { sparseQuadraticLayer } from "@solvegrad/optlayers";

const n = 2000;
const clean = Float64Array.from({ length: n }, (_, i) => Math.sin(i / 40));
const noise = random(1).normal([n], { deviation: 0.3 });
const truth = tensor(clean);
const measured = truth.add(noise);

const Q = columns(n, (j) => [[j, 1]]);
const G = columns(n - 1, (j) => [...(j > 0 ? [[j - 1, 1]] : []), ...(j < n - 1 ? [[j, -1]] : [])]);

/** A matrix of n columns, each given by its rows and entries, in compressed columns. */
function columns(rows, entriesOf) {
  const [indptr, indices, data] = [[0], [], []];
  for (let j = 0; j < n; j++) {
    for (const [row, value] of entriesOf(j)) {
      indices.push(row);
      data.push(value);
    }
    indptr.push(indices.length);
  }
  return { shape: [rows, n], indptr, indices, data };
}

function smooth(r) {
  const bound = r.broadcastTo([n - 1]);
  return sparseQuadraticLayer({ Q, q: measured.neg(), G, l: bound.neg(), u: bound }).x;
}

const logR = tensor(Math.log(0.2), { requiresGrad: true });
const optimizer = new Adam(new Map([["logR", logR]]), { learningRate: 0.15 });
const errorOf = (x) => x.sub(truth).square().mean();
console.log(`mean squared error as measured ${errorOf(measured).item().toFixed(4)}`);
for (let step = 0; step <= 20; step++) {
  optimizer.zeroGrad();
  const error = errorOf(smooth(logR.exp()));
  error.backward();
  if (step % 10 === 0) console.log(`r = ${logR.exp().item().toFixed(4)}: error ${error.item().toFixed(4)}`);
  optimizer.step();
}
console.log("the clean signal changes by at most 1 / 40 = 0.0250");
