import type { EntropyProgram } from "../../problem/entropy-program.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { interiorPoint } from "../interior-point.ts";
import type { Certificate } from "../solver.ts";

/**
 * The proof that no x >= 0 satisfies the constraints of a single entropy program, null where none was found: nu and
 * lambda >= 0 with A'nu + G'lambda >= 0 and b'nu + h'lambda < 0. The interior point for QPs finds it, or else the point
 * of the constraints nearest to 1.
 */
export function entropyInfeasibility(single: EntropyProgram, interrupted: () => boolean): Certificate | null {
  const stop = new AbortController();
  const onIteration = () => {
    if (interrupted()) stop.abort();
  };
  const { certificates } = interiorPoint().solve(nearestFeasible(single), { signal: stop.signal, onIteration });
  const [certificate] = certificates;
  if (certificate?.kind !== "primal_infeasible") return null;
  return { ...certificate, lambda: certificate.lambda.slice(0, single.m) };
}

/** minimize 1/2 |x - 1|^2 subject to Ax = b, Gx <= h, -x <= 0. */
function nearestFeasible({ n, p, m, A, b, G, h }: EntropyProgram): QuadraticProgram {
  const rows = signedIdentity(-1, n, m);
  rows.set(G.values);
  const bounds = new Float64Array(m + n);
  bounds.set(h.values);
  const datum = (values: Float64Array, ...shape: number[]) => ({ values, shape, batched: false });
  return {
    kind: "qp",
    n,
    p,
    m: m + n,
    batch: 1,
    batched: false,
    Q: datum(signedIdentity(1, n, 0), n, n),
    q: datum(new Float64Array(n).fill(-1), n),
    A,
    b,
    G: datum(rows, m + n, n),
    h: datum(bounds, m + n),
  };
}

/** `before` rows of zeros, then sign times the identity. */
function signedIdentity(sign: number, n: number, before: number): Float64Array {
  const values = new Float64Array((before + n) * n);
  for (let j = 0; j < n; j++) values[(before + j) * n + j] = sign;
  return values;
}
