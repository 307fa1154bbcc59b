// A portfolio with a learned risk model. Each period's covariance is estimated from 20 days of 8 assets, which is too few to be
// trusted; how far to shrink it is learned from what the portfolios of least risk
//
//     w = argmin 1/2 w'Qw  subject to  sum w = 1, w >= 0,      Q = S + e^a diag(S) + e^b I
//
// cost in the following days: the gradient goes through the optimization to a and b.
import { Adam, eye, random, tensor } from "@solvegrad/autograd";
import { quadraticLayer } from "@solvegrad/optlayers";

const [assets, days, periods] = [8, 20, 60];
const generator = random(4);
const loadings = generator.normal([assets, 2]);
const noise = generator.uniform([assets], { low: 0.2, high: 1.2 });
const [training, testing] = [market(), market()];

/** Covariances S as estimated (periods, assets, assets), and those of the days that follow. */
function market() {
  const drawn = (count) => {
    const common = generator.normal([periods, count, 2]).matmul(loadings.transpose());
    const returns = common.add(generator.normal([periods, count, assets]).mul(noise));
    return returns
      .transpose(0, 2, 1)
      .matmul(returns)
      .mul(1 / count);
  };
  return { S: drawn(days), future: drawn(200) };
}

function realizedVariance({ S, future }, model) {
  const { x } = quadraticLayer({
    Q: model(S),
    q: new Array(assets).fill(0),
    A: [new Array(assets).fill(1)],
    b: [1],
    G: eye(assets).neg(),
    h: new Array(assets).fill(0),
  });
  const w = x.reshape([periods, assets, 1]);
  return w
    .mul(future.matmul(w))
    .sum()
    .mul(1 / periods);
}

const [a, b] = [tensor(-3, { requiresGrad: true }), tensor(-3, { requiresGrad: true })];
const learned = (S) => S.add(S.mul(eye(assets)).mul(a.exp())).add(eye(assets).mul(b.exp()));
const optimizer = new Adam(new Map(Object.entries({ a, b })), { learningRate: 0.1 });
for (let step = 0; step < 60; step++) {
  optimizer.zeroGrad();
  realizedVariance(training, learned).backward();
  optimizer.step();
}
const plain = realizedVariance(testing, (S) => S.add(eye(assets).mul(1e-6))).item();
const better = realizedVariance(testing, learned).item();
console.log(`learned: S + ${a.exp().item().toFixed(3)} diag(S) + ${b.exp().item().toFixed(3)} I`);
console.log(
  `variance in new periods: ${plain.toFixed(4)} with S as estimated, ${better.toFixed(4)} with the learned model`,
);
