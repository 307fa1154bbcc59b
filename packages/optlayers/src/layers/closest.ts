import { concat, eye, matmul, type Tensor, tensor, zeros } from "@solvegrad/autograd";
import { dot, maxAbs } from "../arrays.ts";
import { implicit } from "../differentiate/implicit.ts";
import { OptimizationError } from "../errors.ts";
import { type Datum, type DatumName, datumNames, itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { zeroDatum } from "../problem/read-data.ts";
import type { QuadraticProgramData } from "../problem/read-quadratic-program.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import { rowsOfSmallestShift } from "../solvers/smallest-shift.ts";
import { isUsable, type Solution, type Status } from "../solvers/solver.ts";
import { dataOnTape, differentiableData } from "./on-tape/data-on-tape.ts";
import { quadraticKkt } from "./on-tape/kkt-tables.ts";
import { type LayerOptions, solveOnTape } from "./solution-on-tape.ts";

/** How far the constraints had to move: Ax = b + t, Gx <= h + r, zeros where the item is feasible. */
export interface ConstraintShift {
  /** t: (p) or (B, p). */
  readonly b: Tensor;
  /** r >= 0: (m) or (B, m). */
  readonly h: Tensor;
}

/** What an item's closest problem takes over from the layer. */
type ClosestOptions = Pick<LayerOptions, "signal" | "timeLimit" | "onBackward">;

/** The parts of a layer's result that every item has a row of. */
export interface QuadraticRows {
  readonly x: Tensor;
  readonly nu: Tensor;
  readonly lambda: Tensor;
}

/**
 * Puts the solutions of their closest feasible problems in the place of the infeasible items of a masked result. An item is
 * infeasible because some rows B = [A; Gv], beta = [b; hv] contradict each other (v: the rows of `rowsOfSmallestShift`). Its
 * smallest shift t = Bx - beta is that of least squares, B't = 0, and among the x that need no more,
 *
 *     minimize 1/2 x'Qx + q'x   over x, t   subject to  Bx - t = beta,  B't = 0,  Gx <= h on the other rows
 *
 * (Bambade, Schramm, Taylor and Carpentier 2024). It is one QP in (x, t) whose matrices are made of the data, so its gradient, and
 * gradients of any order, say how x and the shift depend on them. nu and lambda are the multipliers of Bx - t = beta, which B't = 0
 * makes unique: those of a row that moved may have either sign.
 *
 * Throws an `OptimizationError` for items that failed otherwise, or whose closest problem is unbounded.
 */
export function withClosest(
  { problem, data }: { readonly problem: QuadraticProgram; readonly data: QuadraticProgramData },
  { x, nu, lambda, solution }: QuadraticRows & { readonly solution: Solution },
  options: ClosestOptions,
): QuadraticRows & { readonly solution: Solution; readonly shift: ConstraintShift } {
  const failed = [...solution.status.keys()].filter((i) => !isUsable(solution.status[i]));
  raiseFor(
    solution,
    solution.status,
    failed.filter((i) => solution.status[i] !== "primal_infeasible"),
  );
  const asGiven = dataOnTape(datumNames, differentiableData(datumNames, data), problem);
  const onTape = { ...asGiven, Q: withValues(asGiven.Q, problem.Q.values) };
  const { signal, timeLimit, onBackward } = options;
  const closest = failed.map((item) => ({
    item,
    ...closestItem(problem, itemData(problem, onTape, item), item, { signal, timeLimit, onBackward }),
  }));
  const status = [...solution.status];
  for (const own of closest) status[own.item] = own.status;
  raiseFor(
    solution,
    status,
    failed.filter((i) => !isUsable(status[i])),
  );
  const place = (base: Tensor, part: (own: (typeof closest)[number]) => Tensor) =>
    withRows(
      base,
      problem.batched,
      closest.map((own) => ({ item: own.item, row: part(own) })),
    );
  const none = (like: Tensor) => zeros(like.shape, { dtype: like.dtype });
  return {
    x: place(x, (own) => own.x),
    nu: place(nu, (own) => own.nu),
    lambda: place(lambda, (own) => own.lambda),
    shift: { b: place(none(nu), (own) => own.shift.b), h: place(none(lambda), (own) => own.shift.h) },
    solution: closest.length > 0 ? withPoints(problem, solution, closest) : solution,
  };
}

function raiseFor({ solver }: Solution, status: readonly Status[], items: readonly number[]): void {
  if (items.length > 0) throw new OptimizationError(solver, status, items);
}

/** A tensor of these values with the derivatives of another: the problem's Q may be symmetrized, or have a smoothing added. */
function withValues(value: Tensor, values: Float64Array): Tensor {
  const given = value.data();
  return value.add(
    tensor(
      values.map((entry, k) => entry - given[k]),
      { shape: [...value.shape] },
    ),
  );
}

type ItemData = Record<DatumName, Tensor>;

function itemData(problem: QuadraticProgram, data: ItemData, item: number): ItemData {
  const own = datumNames.map((name) => {
    const { shape, batched } = problem[name];
    return [name, batched ? data[name].slice(0, item, item + 1).reshape(shape) : data[name]];
  });
  return Object.fromEntries(own) as ItemData;
}

interface ClosestItem extends QuadraticRows {
  readonly shift: ConstraintShift;
  readonly solution: Solution;
  /** That of the solution, unless its shift is not the smallest one: then a row that moved should not have. */
  readonly status: Status;
}

/** Shifts of a relaxed row down to this share of the largest, below zero, are rounding. */
const shiftRounding = 1e-9;

/** The closest feasible problem of one item, its results without a batch dimension. */
function closestItem(
  problem: QuadraticProgram,
  { Q, q, A, b, G, h }: ItemData,
  item: number,
  options: ClosestOptions,
): ClosestItem {
  const { n, p, m } = problem;
  const moved = rowsOfSmallestShift(problem, item);
  const others = Array.from({ length: m }, (_, row) => row).filter((row) => !moved.includes(row));
  const B = stacked([A, ...moved.map((row) => G.slice(0, row, row + 1))]);
  const beta = stacked([b, ...moved.map((row) => h.slice(0, row, row + 1))]);
  const k = p + moved.length;
  const data = {
    Q: concat([concat([Q, zeros([n, k])], 1), zeros([k, n + k])], 0),
    q: concat([q, zeros([k])], 0),
    A: concat([concat([B, eye(k).neg()], 1), concat([zeros([n, n]), B.transpose()], 1)], 0),
    b: concat([beta, zeros([n])], 0),
    ...(others.length > 0 && {
      G: concat([stacked(others.map((row) => G.slice(0, row, row + 1))), zeros([others.length, k])], 1),
      h: stacked(others.map((row) => h.slice(0, row, row + 1))),
    }),
  };
  const stated = {
    name: "quadraticLayer (closest)",
    names: datumNames,
    data,
    problem: programOf(data),
    kkt: quadraticKkt,
  };
  const found = solveOnTape({ ...stated, dtype: "float64" }, interiorPoint(), implicit(), {
    ...options,
    onFailure: "mask",
  });
  const [x, t] = [found.x.slice(0, 0, n), found.x.slice(0, n, n + k)];
  const relaxed = Float64Array.from(t.data()).subarray(p);
  const isSmallest = relaxed.every((r) => r >= -shiftRounding * maxAbs(relaxed));
  return {
    x,
    nu: found.nu.slice(0, 0, p),
    lambda: placed(found.nu.slice(0, p, k), moved, m).add(placed(found.lambda, others, m)),
    shift: { b: t.slice(0, 0, p), h: placed(t.slice(0, p, k), moved, m) },
    solution: found.solution,
    status: isSmallest ? found.solution.status[0] : "numerical_error",
  };
}

/** The problem that these tensors state; they are made of data that have been checked. */
function programOf(data: Partial<Record<DatumName, Tensor>> & Record<"Q" | "q" | "A" | "b", Tensor>): QuadraticProgram {
  const n = data.q.size;
  const [p, m] = [data.b.size, data.h?.size ?? 0];
  const datum = (value: Tensor): Datum => ({
    values: Float64Array.from(value.data()),
    shape: value.shape,
    batched: false,
  });
  return {
    ...{ kind: "qp", n, p, m, batch: 1, batched: false },
    ...{ Q: datum(data.Q), q: datum(data.q), A: datum(data.A), b: datum(data.b) },
    ...{ G: data.G ? datum(data.G) : zeroDatum(m, n), h: data.h ? datum(data.h) : zeroDatum(m) },
  };
}

/** The parts that have entries, one under the other. */
function stacked(parts: readonly Tensor[]): Tensor {
  return concat(
    parts.filter(({ size }) => size > 0),
    0,
  );
}

/** The entries of a vector at these places among `count`, zeros elsewhere. */
function placed(entries: Tensor, places: readonly number[], count: number): Tensor {
  if (places.length === 0) return zeros([count]);
  const selection = new Float64Array(places.length * count);
  places.forEach((place, k) => {
    selection[k * count + place] = 1;
  });
  return matmul(entries, tensor(selection, { shape: [places.length, count] }));
}

/** `base` with these items' rows in it, in its own shape and dtype; the other rows are the same numbers. */
function withRows(
  base: Tensor,
  batched: boolean,
  rows: readonly { readonly item: number; readonly row: Tensor }[],
): Tensor {
  if (base.size === 0 || rows.length === 0) return base;
  if (!batched) return rows[0].row.to(base.dtype);
  const pieces: Tensor[] = [];
  let next = 0;
  for (const { item, row } of rows) {
    if (item > next) pieces.push(base.slice(0, next, item));
    pieces.push(row.reshape([1, row.size]).to(base.dtype));
    next = item + 1;
  }
  if (next < base.shape[0]) pieces.push(base.slice(0, next));
  return concat(pieces, 0);
}

/** The solution with the numbers of the closest problems; its statuses, residuals and certificates remain those of the data. */
function withPoints(
  { n, p, m, G, h }: QuadraticProgram,
  solution: Solution,
  closest: readonly (ClosestItem & { readonly item: number })[],
): Solution {
  const [x, nu, lambda, s, objective] = (["x", "nu", "lambda", "s", "objective"] as const).map((part) =>
    solution[part].slice(),
  );
  for (const own of closest) {
    x.set(own.x.data(), own.item * n);
    nu.set(own.nu.data(), own.item * p);
    lambda.set(own.lambda.data(), own.item * m);
    objective[own.item] = own.solution.objective[0];
    const [rows, bound, r] = [itemOf(G, own.item), itemOf(h, own.item), own.shift.h.data()];
    for (let i = 0; i < m; i++) {
      const reached = dot(rows.subarray(i * n, (i + 1) * n), Float64Array.from(own.x.data()));
      s[own.item * m + i] = Math.max(0, bound[i] + r[i] - reached);
    }
  }
  return { ...solution, x, nu, lambda, s, objective };
}
