/** Where the momentum of FISTA stands: theta of the last step, and the weight beta of the next extrapolation. */
export interface Momentum {
  readonly theta: number;
  readonly beta: number;
}

/**
 * The momentum after a step from v to x, `before` being the iterate before it: theta+ = (1 + sqrt(1 + 4 theta^2)) / 2 and
 * beta = (theta - 1) / theta+ (Beck and Teboulle 2009). It starts afresh where the step leads back against the way that x
 * moves, (v - x)'(x - before) > 0 (O'Donoghue and Candes 2015, the gradient scheme).
 */
export function nextMomentum(theta: number, v: Float64Array, x: Float64Array, before: Float64Array): Momentum {
  let uphill = 0;
  for (let j = 0; j < x.length; j++) uphill += (v[j] - x[j]) * (x[j] - before[j]);
  if (uphill > 0) return restarted;
  const next = (1 + Math.sqrt(1 + 4 * theta ** 2)) / 2;
  return { theta: next, beta: (theta - 1) / next };
}

/** No momentum. */
export const restarted: Momentum = { theta: 1, beta: 0 };
