import { sizeOf } from "@solvegrad/linalg";
import { type Datum, type DatumName, itemOf, type QuadraticProgram } from "./quadratic-program.ts";

/** The problem of these items alone; shared data stay shared. */
export function selectItems(problem: QuadraticProgram, items: readonly number[]): QuadraticProgram {
  const select = (datum: Datum): Datum => {
    if (!datum.batched) return datum;
    const size = sizeOf(datum.shape);
    const values = new Float64Array(items.length * size);
    items.forEach((item, k) => {
      values.set(itemOf(datum, item), k * size);
    });
    return { ...datum, values };
  };
  return { ...problem, ...eachDatum(problem, select), batch: items.length };
}

/** The problem of one item, without a batch dimension. */
export function singleItem(problem: QuadraticProgram, i: number): QuadraticProgram {
  const only = (datum: Datum): Datum => ({ values: itemOf(datum, i), shape: datum.shape, batched: false });
  return { ...problem, ...eachDatum(problem, only), batch: 1, batched: false };
}

function eachDatum({ Q, q, A, b, G, h }: QuadraticProgram, change: (datum: Datum) => Datum): Record<DatumName, Datum> {
  return { Q: change(Q), q: change(q), A: change(A), b: change(b), G: change(G), h: change(h) };
}
