import { sizeOf } from "@solvegrad/linalg";
import { type Datum, type DatumName, datumNames, itemOf, type QuadraticProgram } from "./quadratic-program.ts";

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
  return itemAlone(problem, datumNames, i);
}

/** The same for any kind of problem, with the names of its data; a datum that is null stays null. */
export function itemAlone<N extends string, P extends Batched & Readonly<Record<N, Datum | null>>>(
  problem: P,
  names: readonly N[],
  i: number,
): P {
  const only = (datum: Datum | null) => datum && { values: itemOf(datum, i), shape: datum.shape, batched: false };
  const data = Object.fromEntries(names.map((name) => [name, only(problem[name])]));
  return { ...problem, ...data, batch: 1, batched: false };
}

interface Batched {
  readonly batch: number;
  readonly batched: boolean;
}

function eachDatum({ Q, q, A, b, G, h }: QuadraticProgram, change: (datum: Datum) => Datum): Record<DatumName, Datum> {
  return { Q: change(Q), q: change(q), A: change(A), b: change(b), G: change(G), h: change(h) };
}
