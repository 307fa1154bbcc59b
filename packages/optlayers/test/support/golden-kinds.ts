import { dataFile, readJson } from "./data.ts";

/** A problem of the golden sample that is no QP: its data, the loss c'x, and what the file says of solution and gradient. */
export interface GoldenProblemOf<N extends string> {
  readonly id: string;
  readonly kind: string;
  readonly params: Readonly<Record<N, number[]>>;
  readonly c: number[];
  readonly solution: Readonly<Record<"x" | "lam" | "lam_lower" | "lam_upper", number[]>> & {
    readonly nu: number | number[];
  };
  readonly grad: Readonly<Record<N | "total", number[] | number[][] | number>>;
}

/** The problems of this kind; none where the golden data are not at hand. */
export function goldenOfKind<N extends string>(kind: string): GoldenProblemOf<N>[] {
  const file = dataFile("golden_sample/sample.json");
  return file ? (readJson(file) as GoldenProblemOf<N>[]).filter((problem) => problem.kind === kind) : [];
}
