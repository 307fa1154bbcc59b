import { type EntropyProgramData, entropyProgram } from "../src/index.ts";
import { normals, uniforms } from "./random-programs.ts";

export interface RandomEntropy {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly batch?: number;
  readonly seed: number;
  /** Standard deviation of y; 1 by default. */
  readonly spread?: number;
  /** Of the entries of a feasible x; 1 by default. */
  readonly size?: number;
  /** Whether A and G are positive, as in Table 6 of Alt-Diff; otherwise normal. */
  readonly positive?: boolean;
}

/** A random entropy program whose constraints share a feasible point with slack; y has a batch dimension where batch is given. */
export function randomEntropy(options: RandomEntropy): EntropyProgramData {
  const { n, p, m, batch, seed, spread = 1, size = 1, positive = false } = options;
  const [normal, uniform] = [normals(seed), uniforms(seed + 1)];
  const row = (next: () => number) => Array.from({ length: n }, next);
  const feasible = row(() => size * (0.1 + uniform()));
  const entry = positive ? uniform : normal;
  const A = Array.from({ length: p }, () => row(entry));
  const G = Array.from({ length: m }, () => row(entry));
  const at = (rows: number[][]) => rows.map((own) => own.reduce((sum, value, j) => sum + value * feasible[j], 0));
  const y = () => row(() => spread * normal());
  return {
    y: batch === undefined ? y() : Array.from({ length: batch }, y),
    ...(p > 0 && { A, b: at(A) }),
    ...(m > 0 && { G, h: at(G).map((value) => value + size * 0.3 * uniform()) }),
  };
}

export const randomEntropyProgram = (options: RandomEntropy) => entropyProgram(randomEntropy(options));
