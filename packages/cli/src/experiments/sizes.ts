import type { Experiment } from "@solvegrad/models";
import { InputError } from "../exit.ts";

/** "100,20,10;200,40,20" for an experiment of sizes n, m, p. Throws an InputError for what is not such a list. */
export function parseSizes(text: string, { name, sizes }: Pick<Experiment, "name" | "sizes">): number[][] {
  const letters = sizes?.letters ?? [];
  const parts = text.split(";").map((size) => size.split(",").map(Number));
  const isSize = (size: readonly number[]) =>
    size.length === letters.length && size.every((count) => Number.isSafeInteger(count) && count > 0);
  if (parts.every(isSize)) return parts;
  throw new InputError(`bench ${name}: --sizes is "${text}", expected positive integers ${letters.join(",")};...`);
}
