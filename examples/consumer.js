// What does a customer value? The purchases of someone who maximizes
//
//     sum_i a_i log x_i   subject to  prices'x = budget, x_i <= 3
//
// are seen at changing prices; the unknown tastes a are recovered by gradient descent through the optimization.
import { Adam, log, logSoftmax, random, tensor, zeros } from "@solvegrad/autograd";
import { convexLayer } from "@solvegrad/optlayers";

const goods = ["bread", "cheese", "wine", "figs"];
const [n, shops, budget] = [goods.length, 25, 10];
const prices = random(2).uniform([shops, n], { low: 1, high: 4 });

function purchases(tastes) {
  const { x } = convexLayer({
    objective: (amounts, a) => log(amounts).mul(a).sum(-1).neg(),
    theta: [tastes],
    A: prices.reshape([shops, 1, n]),
    b: [budget],
    G: [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0))),
    h: [3, 3, 3, 3],
    start: [1, 1, 1, 1],
  });
  return x;
}

const truth = tensor([0.4, 0.3, 0.2, 0.1]);
const seen = purchases(truth).detach();
const capped = seen.data().filter((amount) => amount > 3 - 1e-6).length;

const scores = zeros([n], { requiresGrad: true });
const optimizer = new Adam(new Map([["scores", scores]]), { learningRate: 0.1 });
for (let step = 0; step < 80; step++) {
  optimizer.zeroGrad();
  purchases(logSoftmax(scores, 0).exp()).sub(seen).square().mean().backward();
  optimizer.step();
}
const found = logSoftmax(scores, 0).exp().toArray();
console.log(`${shops} purchases, ${capped} amounts at their limit of 3`);
goods.forEach((good, i) => {
  console.log(`${good.padEnd(7)} valued at ${truth.toArray()[i].toFixed(3)}, recovered ${found[i].toFixed(3)}`);
});
