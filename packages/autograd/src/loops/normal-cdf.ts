import { contiguous, dtypeOfValues, type Values, zeroValues } from "../values.ts";

/** Where the continued fraction takes over from the series: both are exact to rounding there. */
const tail = 2.5;
/** Terms of the continued fraction at that point, for 1e-16. */
const terms = 60;

/** The standard normal distribution function of every entry. */
export function normalCdfValues(x: Values): Values {
  const { data, offset } = contiguous(x);
  const y = zeroValues(dtypeOfValues(x), x.shape);
  for (let i = 0; i < y.size; i++) y.data[i] = normalCdfAt(data[offset + i]);
  return y;
}

/**
 * P(Z <= x) of a standard normal Z. With phi its density (Abramowitz and Stegun, 26.2.11 and 26.2.14),
 *
 *     1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + x^7/(3 5 7) + ...)       in the middle, where all terms have one sign
 *     phi(x) / (|x| + 1/(|x| + 2/(|x| + 3/(|x| + ...))))             below -2.5, and 1 minus that above 2.5
 *
 * so that small probabilities have all their digits too.
 */
export function normalCdfAt(x: number): number {
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) < tail) return 0.5 + density * oddSeries(x);
  const beyond = density / continuedFraction(Math.abs(x));
  return x < 0 ? beyond : 1 - beyond;
}

function oddSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return sum;
}

function continuedFraction(x: number): number {
  let value = x;
  for (let k = terms; k > 0; k--) value = x + k / value;
  return value;
}
