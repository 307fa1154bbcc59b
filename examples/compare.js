// Three ways to differentiate one solution, measured against each other: through the KKT conditions (OptNet), along the
// updates of ADMM run backwards (Alt-Diff), and through the tape of the iterations.
import { eye, random } from "@solvegrad/autograd";
import { compareGradients, formatComparison, quadraticProgram } from "@solvegrad/optlayers";

const [n, p, m] = [30, 5, 20];
const generator = random(1);
const R = generator.normal([n, n]);
const A = generator.normal([p, n]);
const G = generator.normal([m, n]);
const inside = generator.normal([n, 1]);
const problem = quadraticProgram({
  Q: R.transpose()
    .matmul(R)
    .mul(1 / n)
    .add(eye(n)),
  q: generator.normal([n]),
  A,
  b: A.matmul(inside).reshape([p]),
  G,
  h: G.matmul(inside).reshape([m]).add(0.5),
});
const cotangent = Float64Array.from(generator.normal([n]).data());
const comparison = compareGradients(problem, cotangent);
console.log(formatComparison(comparison));
const least = Math.min(...comparison.rules.map(({ overall }) => overall.cosine));
console.log(`all gradients point the same way: the least cosine is ${least.toFixed(9)}`);
