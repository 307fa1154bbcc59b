// Differentiating a projection: find the point whose nearest mixture of three colours is the wanted one.
//
//     x = P(z) = argmin |x - z|^2  over  x >= 0, sum x = 1
//
import { Adam, tensor } from "@solvegrad/autograd";
import { projectionLayer, simplex } from "@solvegrad/optlayers";

const z = tensor([0.9, 0.3, -0.4], { requiresGrad: true });
const { x } = projectionLayer(simplex(), z);
x.slice(0, 0, 1).sum().backward();
console.log(`the mixture nearest to (${z.toArray()}) is (${show(x)})`);
console.log(`its first part changes with the point by (${show(z.grad)}): the third part is at zero and stays there`);

const wanted = tensor([0.2, 0.5, 0.3]);
const point = tensor([0.6, 0.3, 0.2], { requiresGrad: true });
const optimizer = new Adam(new Map([["point", point]]), { learningRate: 0.05 });
for (let step = 0; step < 200; step++) {
  optimizer.zeroGrad();
  projectionLayer(simplex(), point).x.sub(wanted).square().sum().backward();
  optimizer.step();
}
console.log(`the mixture (${show(wanted)}) is wanted: (${show(projectionLayer(simplex(), point).x)}) after 200 steps`);

function show(values) {
  return values.toArray().map((value) => value.toFixed(3));
}
