import { maxAbs } from "../../arrays.ts";
import { CondensedKkt } from "../../kkt/condensed-kkt.ts";
import { type Datum, itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import { coldStart } from "../interior-point/start.ts";
import type { InteriorPoint } from "../interior-point/state.ts";
import { smallestNonzero } from "../residual-units.ts";

/**
 * `coldStart` of a quadratic model in units of its own, x = l z and f = c g(z), so that slacks are of the size of x and multipliers
 * of the size that belongs to them, whether x counts in millions and f in millionths or the other way round. Entries beyond all
 * measure, as of a singular model, are left at the units' own.
 */
export function startInUnits(model: QuadraticProgram): InteriorPoint {
  const { n, p, m, batch } = model;
  const units = Array.from({ length: batch }, (_, i) => unitsOfItem(model, i));
  const own = inUnits(model, units);
  const { x, nu, lambda, s } = coldStart(own, new CondensedKkt(own));
  for (const part of [nu, lambda, s]) {
    for (let k = 0; k < part.length; k++) if (!(Math.abs(part[k]) < 1e10)) part[k] = part === nu ? 0 : 1;
  }
  const scaled = (rows: Float64Array, width: number, unit: (own: Units) => number) =>
    rows.map((value, k) => value * unit(units[Math.floor(k / width)]));
  return {
    x: scaled(x, n, ({ l }) => l),
    nu: scaled(nu, p, ({ l, c }) => c / l),
    lambda: scaled(lambda, m, ({ l, c }) => c / l),
    s: scaled(s, m, ({ l }) => l),
  };
}

/** Of x and of f. */
interface Units {
  readonly l: number;
  readonly c: number;
}

/** l = max(|q| / |Q|, |b| / |A|, min |h| / |G|) and c = max(|Q| l^2, |q| l), each 1 where all of it vanishes. */
function unitsOfItem({ Q, q, A, b, G, h }: QuadraticProgram, i: number): Units {
  const size = (datum: Datum) => maxAbs(itemOf(datum, i));
  const over = (right: number, left: number) => (left > 0 ? right / left : 0);
  const bounds = over(smallestNonzero(itemOf(h, i)), size(G));
  const l = within(Math.max(over(size(q), size(Q)), over(size(b), size(A)), bounds));
  return { l, c: within(Math.max(size(Q) * l * l, size(q) * l)) };
}

/** Beyond, what a model says of the sizes at one point says little of those elsewhere. */
const [smallestUnit, largestUnit] = [1e-12, 1e12];

function within(size: number): number {
  return Math.min(Math.max(size || 1, smallestUnit), largestUnit);
}

/** l^2/c Q, l/c q, A, b/l, G, h/l. */
function inUnits(model: QuadraticProgram, units: readonly Units[]): QuadraticProgram {
  const times = (datum: Datum, factor: (own: Units) => number): Datum => {
    const width = itemOf(datum, 0).length;
    const values = new Float64Array(units.length * width);
    units.forEach((own, i) => {
      itemOf(datum, i).forEach((value, k) => {
        values[i * width + k] = value * factor(own);
      });
    });
    return { ...datum, batched: true, values };
  };
  return {
    ...model,
    Q: times(model.Q, ({ l, c }) => (l * l) / c),
    q: times(model.q, ({ l, c }) => l / c),
    b: times(model.b, ({ l }) => 1 / l),
    h: times(model.h, ({ l }) => 1 / l),
  };
}
