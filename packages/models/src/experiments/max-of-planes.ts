import { concat, eye, Linear, Module, type Random, slice, type Tensor, tensor } from "@solvegrad/autograd";
import { implicit, interiorPoint, quadraticLayer } from "@solvegrad/optlayers";

/** Far below every plane on the square of the samples. */
const below = 10;

/**
 * The maximum of planes as one QP layer of 1 + k variables (z, u), learned (OptNet, Theorem 3):
 *
 *     minimize 1/2 (z + 10)^2   subject to  u = W x + w,  u_i <= z
 *
 * so that z = max_i (W x + w)_i wherever that is above -10. With k = 4 planes it has 5 variables and 12 parameters, one plane more than the
 * function to be learned. The planes begin through the origin, in directions that are spread evenly from a random one, so that each is the
 * largest somewhere: one that never is has no gradient.
 */
export class MaxOfPlanes extends Module {
  readonly planes: Linear;
  readonly #data: Readonly<Record<"Q" | "q" | "A" | "G" | "h", Tensor>>;

  constructor(random: Random, count = 4) {
    super();
    this.planes = new Linear(2, count, { random, dtype: "float64", initializer: () => evenDirections(count, random) });
    this.planes.bias?.data().fill(0);
    const first = (value: number) => Float64Array.from({ length: count + 1 }, (_, j) => (j === 0 ? value : 0));
    const column = (value: number) => tensor(new Float64Array(count).fill(value), { shape: [count, 1] });
    const Q = new Float64Array((count + 1) ** 2);
    Q[0] = 1;
    this.#data = {
      Q: tensor(Q, { shape: [count + 1, count + 1] }),
      q: tensor(first(below)),
      A: concat([column(0), eye(count)], 1),
      G: concat([column(-1), eye(count)], 1),
      h: tensor(new Float64Array(count)),
    };
  }

  /** (B, 1) values of (B, 2) points. */
  override forward(x: Tensor): Tensor {
    const options = { solver: interiorPoint({ tolerance: 1e-10 }), differentiation: implicit() };
    const solved = quadraticLayer({ ...this.#data, b: this.planes.forward(x) }, options);
    return slice(solved.x, 1, 0, 1);
  }
}

/** (count, 2) gradients of length 1/2, the first in a random direction. */
function evenDirections(count: number, random: Random): Tensor {
  const turn = 2 * Math.PI * random.next();
  const angles = Array.from({ length: count }, (_, i) => turn + (2 * Math.PI * i) / count);
  const W = Float64Array.from(angles.flatMap((angle) => [Math.cos(angle) / 2, Math.sin(angle) / 2]));
  return tensor(W, { shape: [count, 2], requiresGrad: true });
}
