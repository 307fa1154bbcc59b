import { maxAbs } from "../../arrays.ts";
import {
  absolute,
  addForce,
  itemOfRows,
  rowsTimes,
  type SmoothTape,
  type SmoothUpdate,
  type TapeState,
} from "./tape.ts";

/** Cotangents of the scaled rows of every item: Kbar (r x n) and kbar (r). */
export interface RowCotangents {
  readonly K: readonly Float64Array[];
  readonly k: readonly Float64Array[];
}

/** Of x (batch x n) and t (by item) at the end of a tape. */
export interface EndCotangent {
  readonly x: Float64Array;
  readonly t: readonly Float64Array[];
}

/**
 * The transpose of the iterations, from the last to the first. With tbar of t+ and xbar of x+ (of the last one alone)
 *
 *     u = H(x+)^-1 (xbar + alpha rho K'tbar),   abar = -K u,
 *     tbar <- (1 - alpha + alpha 1[held]) tbar + sign abar       held: equalities, and w > 0; sign: 1, and that of w
 *
 * H being the Hessian of the augmented Lagrangian at that iteration's own x+, by the implicit function theorem for the
 * minimizer. grad f has the cotangent -u (handed to `slope`), and with v = a + rho (K x+ - k)
 *
 *     Kbar += alpha rho tbar x+' - v u' - rho (K u) x+',   kbar += rho (K u) - alpha rho tbar.
 *
 * Returns what is left of the cotangent at the start, relative to what it was one iteration before the end.
 */
export function sweepBackwards(
  tape: SmoothTape,
  end: EndCotangent,
  rows: RowCotangents,
  slope: (u: Float64Array) => void,
): number {
  const { update, settings } = tape;
  const { relaxation: alpha } = settings;
  let xbar: Float64Array | null = end.x;
  const tbar = end.t.map((own) => own.slice());
  let size = 0;
  tape.eachBackwards((before, x) => {
    update.moveTo(x);
    update.linearize();
    const back = new Float64Array(x.length);
    for (const i of update.items) {
      const u = adjointOfUpdate(update, i, tbar[i], xbar, alpha);
      back.set(
        u.map((value) => -value),
        i * update.n,
      );
      const Ku = rowsTimes(update, i, u);
      accumulate(update, i, before, tbar[i], u, Ku, alpha, rows);
      transposeState(update, before.t[i], tbar[i], Ku, alpha);
    }
    slope(back);
    xbar = null;
    size ||= largest(update, tbar);
  });
  return size > 0 ? largest(update, tbar) / size : 0;
}

function largest({ items }: SmoothUpdate, t: readonly Float64Array[]): number {
  return items.reduce((most, i) => Math.max(most, maxAbs(t[i])), 0);
}

function adjointOfUpdate(
  update: SmoothUpdate,
  i: number,
  tbar: Float64Array,
  xbar: Float64Array | null,
  alpha: number,
): Float64Array {
  const { n, rows } = update;
  const rhs = xbar ? xbar.slice(i * n, (i + 1) * n) : new Float64Array(n);
  addForce(
    update,
    i,
    tbar.map((value) => alpha * rows[i].rho * value),
    rhs,
  );
  return update.solve(i, rhs);
}

function accumulate(
  update: SmoothUpdate,
  i: number,
  before: TapeState,
  tbar: Float64Array,
  u: Float64Array,
  Ku: Float64Array,
  alpha: number,
  { K: Kbar, k: kbar }: RowCotangents,
): void {
  const { n, p } = update;
  const { k, rho } = update.rows[i];
  const x = itemOfRows(update, i);
  const Kx = rowsTimes(update, i, x);
  const a = absolute(before.t[i], p);
  for (let row = 0; row < k.length; row++) {
    const ofX = rho * (alpha * tbar[row] - Ku[row]);
    const v = a[row] + rho * (Kx[row] - k[row]);
    kbar[i][row] -= ofX;
    for (let j = 0; j < n; j++) Kbar[i][row * n + j] += ofX * x[j] - v * u[j];
  }
}

/** tbar of t+ -> tbar of t, in place. */
function transposeState(
  { p }: SmoothUpdate,
  t: Float64Array,
  tbar: Float64Array,
  Ku: Float64Array,
  alpha: number,
): void {
  for (let row = 0; row < t.length; row++) {
    const held = row < p || t[row] > 0 ? 1 : 0;
    const sign = row < p ? 1 : Math.sign(t[row]);
    tbar[row] = (1 - alpha + alpha * held) * tbar[row] - sign * Ku[row];
  }
}

/** Tangents of the scaled rows of every item, and of grad f at fixed x as a function of where the iteration is. */
export interface RowTangents {
  readonly K: readonly Float64Array[];
  readonly k: readonly Float64Array[];
  slope(): Float64Array | null;
}

/**
 * The tangent of the iterations, from the first to the last (Alt-Diff (7) at every iteration's own x+ and pattern), of which
 * `sweepBackwards` is the transpose: with F the tangent of grad f and da = (dnu, sign(w) dw)
 *
 *     dx+ = -H^-1 (F + dK'v + K'(da + rho (dK x+ - dk))),
 *     dt+ = (1 - alpha) dt + alpha (1[held] dt + rho (dK x+ + K dx+ - dk)).
 */
export function sweepForwards(tape: SmoothTape, tangents: RowTangents): EndCotangent {
  const { update, settings } = tape;
  const { relaxation: alpha } = settings;
  const dx = new Float64Array(update.x.length);
  const dt = update.rows.map(({ k }) => new Float64Array(k.length));
  tape.eachForwards((before, x) => {
    update.moveTo(x);
    update.linearize();
    const slope = tangents.slope();
    for (const i of update.items) {
      const own = tangentOfUpdate(update, i, before, dt[i], tangents, slope);
      dx.set(own.dx, i * update.n);
      advanceTangent(update, before.t[i], dt[i], own.step, alpha);
    }
  });
  return { x: dx, t: dt };
}

function tangentOfUpdate(
  update: SmoothUpdate,
  i: number,
  before: TapeState,
  dt: Float64Array,
  { K: dK, k: dk }: RowTangents,
  slope: Float64Array | null,
) {
  const { n, p } = update;
  const { k, rho } = update.rows[i];
  const x = itemOfRows(update, i);
  const Kx = rowsTimes(update, i, x);
  const a = absolute(before.t[i], p);
  const rhs = slope ? slope.slice(i * n, (i + 1) * n) : new Float64Array(n);
  const moved = new Float64Array(k.length);
  const force = new Float64Array(k.length);
  for (let row = 0; row < k.length; row++) {
    const v = a[row] + rho * (Kx[row] - k[row]);
    moved[row] = -dk[i][row];
    for (let j = 0; j < n; j++) {
      moved[row] += dK[i][row * n + j] * x[j];
      rhs[j] += dK[i][row * n + j] * v;
    }
    force[row] = (row < p ? 1 : Math.sign(before.t[i][row])) * dt[row] + rho * moved[row];
  }
  const dx = update.solve(i, addForce(update, i, force, rhs)).map((value) => -value);
  const step = rowsTimes(update, i, dx).map((value, row) => rho * (value + moved[row]));
  return { dx, step };
}

function advanceTangent(
  { p }: SmoothUpdate,
  t: Float64Array,
  dt: Float64Array,
  step: Float64Array,
  alpha: number,
): void {
  for (let row = 0; row < t.length; row++) {
    const held = row < p || t[row] > 0 ? 1 : 0;
    dt[row] = (1 - alpha + alpha * held) * dt[row] + alpha * step[row];
  }
}
