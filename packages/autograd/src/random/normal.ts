/**
 * The quantile function of the normal distribution, by + - * / and square roots alone: these are rounded exactly in
 * every engine, so the same argument gives the same bits everywhere, which Math.log and Math.cos do not promise.
 *
 * Rational approximations to a relative error of about 1e-16: Wichura, Algorithm AS 241, PPND16, Applied Statistics 37 (1988).
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(centerNumerator, r)) / polynomial(centerDenominator, r);
  }
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const [numerator, denominator, shift] =
    r <= 5 ? [middleNumerator, middleDenominator, 1.6] : [tailNumerator, tailDenominator, 5];
  const x = polynomial(numerator, r - shift) / polynomial(denominator, r - shift);
  return q < 0 ? -x : x;
}

/**
 * log x for x > 0: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log m = 2 (s + s^3/3 + s^5/5 + ...) with
 * s = (m - 1)/(m + 1), |s| < 0.172: twelve terms reach the last bit.
 */
export function logarithm(x: number): number {
  let m = x;
  let e = 0;
  for (; m < Math.SQRT1_2; e--) m *= 2;
  for (; m >= Math.SQRT2; e++) m /= 2;
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let series = 0;
  for (let k = 11; k >= 0; k--) series = series * z + 1 / (2 * k + 1);
  return e * Math.LN2 + 2 * s * series;
}

/** c[0] + c[1] x + ... by Horner's rule. */
function polynomial(c: readonly number[], x: number): number {
  let value = 0;
  for (let k = c.length - 1; k >= 0; k--) value = value * x + c[k];
  return value;
}

const centerNumerator = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
  33430.57558358813, 2509.0809287301227,
];
const centerDenominator = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
  5226.495278852854,
];
const middleNumerator = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
  0.022723844989269184, 0.0007745450142783414,
];
const middleDenominator = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const tailNumerator = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const tailDenominator = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
  1.421511758316446e-7, 2.0442631033899397e-15,
];
