import type { KktMethod, KktVector } from "./kkt-method.ts";
import type { SchurKkt } from "./schur-kkt.ts";

/**
 * The KKT systems of the dual problem, its rows brought to one size by E = diag(e): minimize 1/2 y'ESEy + t'y subject to
 * -y <= 0,
 *
 *     [ESE  -I] [y]   [r1]
 *     [-I   -D] [s] = [r3],     y = E^-1 (S + E^-2 D^-1)^-1 E^-1 (r1 - D^-1 r3),   s = -D^-1 (r3 + y),
 *
 * with the factors of the `SchurKkt` whose S this is.
 */
export class MultiplierKkt implements KktMethod {
  readonly name = "schur";
  private readonly schur: SchurKkt;
  /** e of every item, batch x m, and of the slots last factored. */
  private readonly sizes: Float64Array;
  private e: Float64Array = new Float64Array(0);
  private inverse: Float64Array = new Float64Array(0);

  constructor(schur: SchurKkt, sizes: Float64Array) {
    this.schur = schur;
    this.sizes = sizes;
  }

  get bytes(): number {
    return this.schur.bytes + 8 * (this.sizes.length + 2 * this.inverse.length);
  }

  factor(items: Int32Array, D: Float64Array): Uint8Array {
    const m = D.length / items.length;
    this.e = new Float64Array(D.length);
    items.forEach((item, k) => {
      this.e.set(this.sizes.subarray(item * m, (item + 1) * m), k * m);
    });
    this.inverse = D.map((value) => 1 / value);
    return this.schur.factor(
      items,
      this.inverse.map((value, i) => value / this.e[i] ** 2),
    );
  }

  solve({ x: y, lambda: s }: KktVector): void {
    const { inverse, e } = this;
    for (let i = 0; i < y.length; i++) y[i] = (y[i] - inverse[i] * s[i]) / e[i];
    this.schur.solveSchur(y);
    for (let i = 0; i < y.length; i++) {
      y[i] /= e[i];
      s[i] = -inverse[i] * (s[i] + y[i]);
    }
  }
}
