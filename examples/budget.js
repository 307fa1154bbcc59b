// Sharing a budget with limits, learned from examples: a project gets the nearest share to its score,
//
//     x = argmin 1/2 |x - W features|^2   subject to  sum x = 1,  0 <= x <= 0.4,
//
// and W is learned from how someone shared budgets before. Plain softmax could never give zero, nor keep a limit.
import { Adam, mseLoss, random, zeros } from "@solvegrad/autograd";
import { boxProjectionLayer } from "@solvegrad/optlayers";

const [projects, features, years] = [6, 3, 80];
const generator = random(7);

function shares(W, facts) {
  const { x } = boxProjectionLayer({
    y: facts.matmul(W).reshape([facts.shape[0], projects]),
    A: [new Array(projects).fill(1)],
    b: [1],
    lower: new Array(projects).fill(0),
    upper: new Array(projects).fill(0.4),
  });
  return x;
}

const truth = generator.normal([features, 1], { deviation: 0.4 });
const [known, fresh] = [years, 20].map((count) => generator.normal([count, projects, features]));
const decided = shares(truth, known).detach();
const count = (test) => decided.data().filter(test).length;
console.log(`of ${decided.size} shares ${count((x) => x === 0)} are zero and ${count((x) => x === 0.4)} at the limit`);

const W = zeros([features, 1], { requiresGrad: true });
const optimizer = new Adam(new Map([["W", W]]), { learningRate: 0.02 });
for (let step = 0; step <= 150; step++) {
  optimizer.zeroGrad();
  const loss = mseLoss(shares(W, known), decided);
  loss.backward();
  if (step % 50 === 0) console.log(`step ${step}: mean squared error ${loss.item().toExponential(2)}`);
  optimizer.step();
}
const missed = shares(W, fresh).sub(shares(truth, fresh)).abs().data();
console.log(`largest error of a share in 20 new years: ${Math.max(...missed).toFixed(4)}`);
