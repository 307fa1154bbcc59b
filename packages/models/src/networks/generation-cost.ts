import { add, mul, normalCdf, normalPdf, relu, square, sub, type Tensor } from "@solvegrad/autograd";

/** What a GW too little and a GW too much cost in an hour (Donti et al.: 50 and 0.5). */
export interface GenerationCosts {
  readonly under: number;
  readonly over: number;
}

export const publishedCosts: GenerationCosts = { under: 50, over: 0.5 };

/**
 * What a generation P costs when the demand turns out to be D, hour by hour (Donti, Amos and Kolter 2017, section 4.2):
 *
 *     under max(D - P, 0) + over max(P - D, 0) + 1/2 (P - D)^2.
 */
export function realizedCost(P: Tensor, D: Tensor, { under, over }: GenerationCosts = publishedCosts): Tensor {
  const excess = sub(P, D);
  const linear = add(mul(relu(excess.neg()), under), mul(relu(excess), over));
  return add(linear, mul(square(excess), 0.5));
}

/**
 * The same in expectation over a normal demand with this mean mu and deviation sigma, hour by hour. With u = P - mu and
 * z = u / sigma, E max(P - D, 0) = u Phi(z) + sigma phi(z), and P - D = max(P - D, 0) - max(D - P, 0) gives the other half:
 *
 *     (under + over) (u Phi(z) + sigma phi(z)) - under u + 1/2 (u^2 + sigma^2).
 */
export function expectedCost(
  P: Tensor,
  mean: Tensor,
  deviation: Tensor,
  { under, over }: GenerationCosts = publishedCosts,
): Tensor {
  const u = sub(P, mean);
  const z = u.div(deviation);
  const excess = add(mul(u, normalCdf(z)), mul(deviation, normalPdf(z)));
  const linear = sub(mul(excess, under + over), mul(u, under));
  return add(linear, mul(add(square(u), square(deviation)), 0.5));
}
