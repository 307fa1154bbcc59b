import type { Tensor } from "@solvegrad/autograd";
import { normals, uniforms } from "../random-programs.ts";

/** Where the random data of a class come from; the same for a seed on every machine. */
export interface Random {
  /** In (0, 1). */
  uniform(): number;
  /** Of the standard normal distribution. */
  normal(): number;
}

export function randomFrom(seed: number): Random {
  return { uniform: uniforms(seed), normal: normals(seed + 1) };
}

/** One datum: row-major numbers and their shape, with the batch first where it has one. */
export interface TableDatum {
  readonly values: Float64Array;
  readonly shape: readonly number[];
  /** Whether it is a symmetric matrix: its entries (i, j) and (j, i) then move together. */
  readonly symmetric?: boolean;
}

export type TableData = Readonly<Record<string, TableDatum>>;

/** A class of layers with the rules that differentiate it. */
export interface TableClass {
  readonly name: string;
  /** The first one is what the others are compared with. */
  readonly rules: readonly string[];
  /** Whether it takes float32 data. */
  readonly float32: boolean;
  /** Whether it takes a batch. */
  readonly batched: boolean;
  /** Random data of a well-conditioned problem far from a change of its active set; no batch where `batch` is null. */
  data(random: Random, batch: number | null): TableData;
  /** The layer with this rule, solved to about 1e-12: its outputs, x first, then the duals where it has them. */
  layer(rule: string, data: Readonly<Record<string, Tensor>>): readonly Tensor[];
}
