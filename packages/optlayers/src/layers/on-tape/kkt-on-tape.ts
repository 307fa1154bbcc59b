import { concat, customOp, grad, isGradEnabled, noGrad, Tensor, tensor, withRecording } from "@solvegrad/autograd";
import { isUsable, type Status } from "../../solvers/solver.ts";
import { type DataOnTape, inner, type Lagrangian, type PointOnTape } from "./lagrangian.ts";

/** v = K^-1 c at the frozen active set, rows of the parts of a point in their order: (c_x, c_nu, c_lambda) to (u, y, w). */
export type KktOperator = (c: readonly (Float64Array | undefined)[]) => readonly Float64Array[];

/** The KKT conditions of a solution that is on the tape. */
export interface KktOnTape<N extends string> {
  readonly lagrangian: Lagrangian<N>;
  /** Whether the KKT matrix does not depend on x, as for a quadratic objective. */
  readonly quadratic: boolean;
  readonly solve: KktOperator;
  readonly point: PointOnTape;
  readonly data: DataOnTape<N>;
  /** The data with a leading batch dimension; the others are shared. */
  readonly batched: readonly N[];
  /** Items without a usable solution have no part in any derivative. */
  readonly status: readonly Status[];
}

/**
 * The cotangents of the `wanted` data for cotangents c of the parts of the point (null: none), recorded so that they can be
 * differentiated again, to any order. With the point z, the data theta, the Lagrangian L and K = grad^2_zz L on the active rows
 * (which stay what they are),
 *
 *     K v = c,    cotangent of theta = -grad_theta <v, grad_z L(z; theta)>.
 *
 * v goes on the tape as a function of c, theta and (unless the objective is quadratic) x. K is symmetric, so for a cotangent r of v
 *
 *     K t = r,    cotangents: of c: t,    of x and theta: -grad <t, grad_z <v, grad_z L>>
 *
 * and t is again a function of r, theta and x of the same kind (the implicit function theorem, used on itself; Griewank and
 * Walther 2008, section 15.4). A rule that truncates its recursion truncates every v.
 */
export function recordedCotangents<N extends string>(
  kkt: KktOnTape<N>,
  cotangents: readonly (Tensor | null)[],
  wanted: readonly N[],
): Tensor[] {
  const v = adjointPoint(kkt, cotangents);
  return slopes(kkt, [v], wanted).data;
}

/** v with K v = c, on the tape as a function of c, of the data, and of x where K depends on it. */
function adjointPoint<N extends string>(kkt: KktOnTape<N>, c: readonly (Tensor | null)[]): Tensor[] {
  const values = noGrad(() => kkt.solve(c.map((part) => (part ? Float64Array.from(part.data()) : undefined))));
  const parts = partsOf(kkt.point);
  const names = (Object.keys(kkt.data) as N[]).filter((name) => kkt.data[name].requiresGrad);
  const given = c.flatMap((part, k) => (part ? [{ part, k }] : []));
  const curved = kkt.quadratic ? [] : [kkt.point.x];
  const v = customOp(
    "the KKT system of a layer",
    [...given.map(({ part }) => part), ...curved, ...names.map((name) => kkt.data[name])],
    values.map((rows, k) => tensor(rows, { shape: [...parts[k].shape] }).value),
    (r) => {
      const t = adjointPoint(kkt, r);
      const { x, data } = slopes(kkt, [v, t], names);
      return [...given.map(({ k }) => t[k]), ...(kkt.quadratic ? [] : [x]), ...data];
    },
    { differentiable: true },
  );
  return v;
}

/** -grad of D_k ... D_1 L in x and in the wanted data, where D_i = <v_i, grad_z> for the directions v_i. */
function slopes<N extends string>(kkt: KktOnTape<N>, directions: readonly Tensor[][], wanted: readonly N[]) {
  const createGraph = isGradEnabled();
  return withRecording(true, () => {
    const point = mapped(kkt.point, separate(createGraph));
    const data = mapped(kkt.data, separate(createGraph));
    const parts = partsOf(point);
    const usable = [...kkt.status.keys()].filter((i) => isUsable(kkt.status[i]));
    const value = directions.reduce(
      (derivative, v) => along(derivative, parts, createGraph ? v : v.map((part) => part.detach())),
      usable.length > 0 ? lagrangianOf(kkt, point, data, usable) : tensor(0),
    );
    const inputs = [point.x, ...wanted.map((name) => data[name])];
    const [x, ...rest] = grad(value.neg(), inputs, { createGraph });
    return { x, data: rest };
  });
}

/** <v, grad_z value>. */
function along(value: Tensor, parts: readonly Tensor[], v: readonly Tensor[]): Tensor {
  return grad(value, parts, { createGraph: true })
    .map((gradient, k) => inner(gradient, v[k]))
    .reduce((sum, part) => sum.add(part));
}

/** L of the usable items alone: what the others hold may be outside the domain of the objective. */
function lagrangianOf<N extends string>(
  { lagrangian, status, batched }: KktOnTape<N>,
  point: PointOnTape,
  data: DataOnTape<N>,
  usable: readonly number[],
): Tensor {
  if (usable.length === status.length) return lagrangian(point, data, usable);
  const rows = (value: Tensor) =>
    concat(
      usable.map((i) => value.slice(0, i, i + 1)),
      0,
    );
  const own = Object.fromEntries(batched.map((name) => [name, rows(data[name])]));
  return lagrangian(mapped(point, rows), { ...data, ...own }, usable);
}

/** The point's parts in the order of the layer's outputs. */
function partsOf({ x, nu, lambda, zeta }: PointOnTape): Tensor[] {
  return [x, nu, lambda, ...(zeta ? [zeta] : [])];
}

function mapped<T extends object>(tensors: T, change: (value: Tensor) => Tensor): T {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, change(value as Tensor)])) as T;
}

/** A tensor of the same values that derivatives can be taken at apart from it, linked to it where `linked`. */
function separate(linked: boolean): (value: Tensor) => Tensor {
  return (value) => (linked && value.requiresGrad ? value.mul(1) : new Tensor(value.value, true));
}
