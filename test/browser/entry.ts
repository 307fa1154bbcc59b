import { tensor } from "@solvegrad/autograd";
import { activeKernels } from "@solvegrad/linalg";
import { admm, alternating, implicit, interiorPoint, quadraticLayer, unrolled } from "@solvegrad/optlayers";

/** The same small layer differentiated by every rule, in whatever engine runs this. */
export function gradientsOfEveryRule(): { kernels: string; gradients: unknown } {
  const layers = {
    implicit: { solver: interiorPoint(), differentiation: implicit() },
    alternating: { solver: admm({ tolerance: 1e-10 }), differentiation: alternating({ truncate: 1e-10 }) },
    unrolled: { solver: admm({ tolerance: 1e-10 }), differentiation: unrolled() },
  };
  const gradients = Object.entries(layers).map(([name, options]) => {
    const q = tensor([-0.9, -0.3, 0.4], { requiresGrad: true });
    const G = tensor(
      [
        [-1, 0, 0],
        [0, -1, 0],
        [0, 0, -1],
      ],
      { requiresGrad: true },
    );
    const { x } = quadraticLayer(
      {
        Q: [
          [1, 0.2, 0],
          [0.2, 1, 0],
          [0, 0, 1],
        ],
        q,
        A: [[1, 1, 1]],
        b: [1],
        G,
        h: [0, 0, 0],
      },
      options,
    );
    x.square().sum().backward();
    return [name, x.toArray(), q.grad?.toArray(), G.grad?.toArray()];
  });
  return { kernels: activeKernels().name, gradients };
}

if (typeof document !== "undefined") document.body.textContent = JSON.stringify(gradientsOfEveryRule());
