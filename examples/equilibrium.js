// A deep-equilibrium network: its hidden layer is the fixed point of infinitely many equal layers,
//
//     z = tanh(z W + x U + c),    y = z v,
//
// found by Anderson acceleration, and differentiated at z alone. It learns the product of two numbers.
import { Adam, mseLoss, random, zeros } from "@solvegrad/autograd";
import { fixedPointLayer } from "@solvegrad/optlayers";

const [batch, hidden] = [64, 16];
const generator = random(3);
const parameter = (shape, deviation) => {
  const drawn = generator.normal(shape, { deviation });
  drawn.requiresGrad = true;
  return drawn;
};
const W = parameter([hidden, hidden], 0.1);
const U = parameter([2, hidden], 1);
const c = parameter([hidden], 0.5);
const v = parameter([hidden, 1], 0.3);

let iterations = 0;
const equilibrium = fixedPointLayer({
  map: (z, W, input) => z.matmul(W).add(input).tanh(),
  start: zeros([batch, hidden]),
  batched: true,
  forward: { tolerance: 1e-6 },
  backward: { method: "gmres", tolerance: 1e-6 },
  onForward: (found) => {
    iterations = Math.max(...found.iterations);
  },
});

const optimizer = new Adam(new Map(Object.entries({ W, U, c, v })), { learningRate: 0.02 });
for (let step = 0; step <= 200; step++) {
  const x = generator.uniform([batch, 2], { low: -1, high: 1 });
  const [a, b] = [x.slice(1, 0, 1), x.slice(1, 1, 2)];
  optimizer.zeroGrad();
  const loss = mseLoss(equilibrium(W, x.matmul(U).add(c)).matmul(v), a.mul(b));
  loss.backward();
  optimizer.step();
  if (step % 50 === 0)
    console.log(`step ${step}: error ${loss.item().toFixed(5)}, ${iterations} iterations to the fixed point`);
}
