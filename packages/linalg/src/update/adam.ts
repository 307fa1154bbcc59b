import { type ColumnMemory, workspace } from "../convolution/memory.ts";
import type { Kernels } from "../kernels.ts";
import { KernelShapeError } from "../shapes.ts";
import type { FloatArray } from "../view.ts";

type Adam = Kernels["adam"];

/** Adam's update as it is written, in float64 whatever the dtype of the arrays. */
export const referenceAdam: Adam = (theta, g, m, v, coefficients) => {
  expectOneLength(theta, [g, m, v]);
  const { beta1, beta2, rate, epsilon } = coefficients;
  for (let i = 0; i < theta.length; i++) {
    const mi = beta1 * m[i] + (1 - beta1) * g[i];
    const vi = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    m[i] = mi;
    v[i] = vi;
    theta[i] -= (rate * mi) / (Math.sqrt(vi) + epsilon);
  }
};

type AdamRoutine = (n: number, ...addressesAndCoefficients: number[]) => void;

/** What `assembly/adam.ts` exports: n, the addresses of theta, g, m, v, then beta1, beta2, rate, epsilon. */
export interface AdamExports {
  readonly adam_f32: AdamRoutine;
  readonly adam_f64: AdamRoutine;
}

/** So many entries of each array are in WebAssembly memory at a time: the four blocks stay in the second-level cache. */
const BLOCK = 8192;

/**
 * Adam's update with SIMD, in the dtype of the arrays. The square root and the quotient are what takes the time, so it
 * pays although four arrays are copied in and three back.
 */
export function stagedAdam(memory: ColumnMemory & { readonly exports: AdamExports }): Adam {
  return (theta, g, m, v, coefficients) => {
    expectOneLength(theta, [g, m, v]);
    const { beta1, beta2, rate, epsilon } = coefficients;
    const update = theta.BYTES_PER_ELEMENT === 4 ? memory.exports.adam_f32 : memory.exports.adam_f64;
    const block = Math.min(BLOCK, theta.length);
    const [thetas, gs, ms, vs] = workspace(memory, theta, [block, block, block, block]);
    const addresses = [thetas.byteOffset, gs.byteOffset, ms.byteOffset, vs.byteOffset];
    for (let i = 0; i < theta.length; i += block) {
      const n = Math.min(block, theta.length - i);
      thetas.set(theta.subarray(i, i + n));
      gs.set(g.subarray(i, i + n));
      ms.set(m.subarray(i, i + n));
      vs.set(v.subarray(i, i + n));
      update(n, ...addresses, beta1, beta2, rate, epsilon);
      theta.set(thetas.subarray(0, n), i);
      m.set(ms.subarray(0, n), i);
      v.set(vs.subarray(0, n), i);
    }
  };
}

function expectOneLength(theta: FloatArray, others: readonly FloatArray[]): void {
  others.forEach((array, i) => {
    const name = ["g", "m", "v"][i];
    if (array.length !== theta.length) {
      throw new KernelShapeError("adam", name, `has ${array.length} entries, expected ${theta.length} as theta has`);
    }
    if (array.BYTES_PER_ELEMENT !== theta.BYTES_PER_ELEMENT) {
      throw new KernelShapeError("adam", name, "has another dtype than theta");
    }
  });
}
