import { view } from "@solvegrad/linalg";
import { ScaledGram } from "../kkt/scaled-gram.ts";
import type { EntropyName, EntropyProgram } from "../problem/entropy-program.ts";
import { EntropicAdmmState } from "../solvers/entropic-admm.ts";
import { entropicStart, type InheritedHessian, updateX } from "../solvers/entropy/admm-iteration.ts";
import { type EntropyItem, entropyItem } from "../solvers/entropy/item.ts";
import type { Solution } from "../solvers/solver.ts";
import { inverseHessian } from "./entropy/alternating-item.ts";
import type { KktRule } from "./kkt-rule.ts";
import { reduced } from "./pullback.ts";
import { addRows, checkedTangent } from "./pushforward.ts";
import type { DataCotangents, DataTangents } from "./rule.ts";
import type { ScaledRows, SmoothUpdate } from "./smooth/tape.ts";
import { type ObjectiveData, type SmoothUnrolledOptions, smoothUnrolled } from "./smooth/unrolled.ts";

/**
 * Unrolling for entropy programs: ADMM is run from its cold start, and its iterations are differentiated as they are, with the
 * Hessian diag(1/x) + rho K'K of every iteration's own x (`smoothUnrolled`), by Woodbury's formula. With enough iterations its
 * gradients are those of the other rules.
 *
 * Of the solution it uses the statuses (items without a usable one are left out) and ADMM's penalty. Throws an `OptionError`
 * for an option outside its range.
 */
export function entropicUnrolled(options: SmoothUnrolledOptions = {}): KktRule<EntropyProgram, EntropyName> {
  return smoothUnrolled<"y", EntropyProgram>(
    { names: () => ["y"], update: (...given) => new EntropicUpdate(...given) },
    options,
  );
}

/** One item: its v, from which the next minimization starts, and the Hessian that the last one left. */
interface Item {
  readonly item: EntropyItem;
  readonly v: Float64Array;
  readonly hessian: InheritedHessian;
}

class EntropicUpdate implements SmoothUpdate, ObjectiveData<"y"> {
  readonly n: number;
  readonly p: number;
  readonly items: readonly number[];
  readonly rows: readonly ScaledRows[];
  readonly x: Float64Array;
  private readonly problem: EntropyProgram;
  private readonly parts: readonly Item[];

  constructor(problem: EntropyProgram, { state }: Solution, items: readonly number[], rho: number | undefined) {
    const { n, p, m, batch } = problem;
    this.n = n;
    this.p = p;
    this.items = items;
    this.problem = problem;
    this.x = new Float64Array(batch * n);
    const known = state instanceof EntropicAdmmState && state.problem === problem ? state.rho : null;
    const made = Array.from({ length: batch }, (_, i) => {
      const item = entropyItem(problem, i);
      const gram = new ScaledGram(item.K, n);
      const cold = entropicStart(item, gram);
      this.x.set(cold.x, i * n);
      const { K, k, scale } = item;
      const rows = { K: view(K, [p + m, n]), k, scale, rho: known?.[i] ?? rho ?? cold.rho };
      return { rows, part: { item, v: cold.v, hessian: { gram, rho: 0 } } };
    });
    this.rows = made.map(({ rows }) => rows);
    this.parts = made.map(({ part }) => part);
  }

  start(): Float64Array[] {
    return this.parts.map(({ v }) => v.slice());
  }

  moveTo(x: Float64Array): void {
    this.x.set(x);
  }

  minimize(a: readonly Float64Array[]): void {
    for (const i of this.items) {
      const { item, v, hessian } = this.parts[i];
      updateX(item, hessian, a[i], this.rows[i].rho, v, this.pointOf(i), 0);
    }
  }

  linearize(): void {
    for (const i of this.items) {
      const { hessian } = this.parts[i];
      const { k, rho } = this.rows[i];
      hessian.rho = hessian.gram.factor(this.pointOf(i), new Float64Array(k.length).fill(1 / rho)) ? rho : 0;
    }
  }

  solve(item: number, rhs: Float64Array): Float64Array {
    return inverseHessian({ x: this.pointOf(item), gram: this.parts[item].hessian.gram }, rhs);
  }

  /** grad f = log x + 1 - y. */
  addCotangents(slope: Float64Array, { y: sum }: DataCotangents<"y">): void {
    if (!sum) return;
    const { batch, y } = this.problem;
    reduced(-1, view(slope, [batch, this.n]), y).forEach((value, k) => {
      sum[k] += value;
    });
  }

  slopeTangent({ y: given }: DataTangents<"y">): Float64Array | null {
    const { batch, y } = this.problem;
    const tangent = checkedTangent("y", given, y);
    if (!tangent) return null;
    const slope = new Float64Array(batch * this.n);
    addRows(-1, { ...y, values: tangent }, batch, slope);
    return slope;
  }

  private pointOf(i: number): Float64Array {
    return this.x.subarray(i * this.n, (i + 1) * this.n);
  }
}
